import Foundation
import Testing
import UnrollBase

@Suite struct CRC32Tests {
    /// The vectors of RFC 3720, B.4, and the ones that catalogs of checksums list.
    @Test func checksumsAreThoseOfTheStandards() {
        let castagnoli = CRC32.castagnoli
        #expect(castagnoli.checksum(of: Data(repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(castagnoli.checksum(of: Data(repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(castagnoli.checksum(of: Data(0..<32)) == 0x46DD_794E)
        #expect(castagnoli.checksum(of: Data((0..<32).reversed())) == 0x113F_DB5C)
        #expect(castagnoli.checksum(of: Data("123456789".utf8)) == 0xE306_9283)
        #expect(castagnoli.checksum(of: Data()) == 0)
        #expect(CRC32.zip.checksum(of: Data("123456789".utf8)) == 0xCBF4_3926)
        #expect(CRC32.zip.checksum(of: Data()) == 0)
    }
}
