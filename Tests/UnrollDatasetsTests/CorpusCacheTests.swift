import Foundation
import Testing
import UnrollDatasets

@Suite struct CorpusCacheTests {
    private let entry = TestCorpus.entry(port: 80)

    @Test func theXDGVariableIsRespected() {
        let cache = CorpusCache(environment: ["XDG_CACHE_HOME": "/somewhere/caches", "HOME": "/home/wells"])
        #expect(cache.folder.path == "/somewhere/caches/unroll/corpora")
        #expect(cache.file(of: entry).path == "/somewhere/caches/unroll/corpora/numbers.txt")
    }

    @Test(arguments: [nil, "", "relative/path"]) func otherwiseTheHomeFolderIsUsed(variable: String?) {
        var environment = ["HOME": "/home/wells"]
        environment["XDG_CACHE_HOME"] = variable
        let path = CorpusCache(environment: environment).folder.path
        #if os(macOS)
            #expect(path == "/home/wells/Library/Caches/unroll/corpora")
        #else
            #expect(path == "/home/wells/.cache/unroll/corpora")
        #endif
    }

    @Test func withoutAHomeVariableTheSystemIsAsked() {
        #expect(CorpusCache(environment: [:]).folder.path.hasPrefix(NSHomeDirectory()))
    }
}
