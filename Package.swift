// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A Swift library target and the tests that go with it.
func room(_ name: String, uses dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

func tests(of name: String, uses dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target
{
    .testTarget(
        name: "\(name)Tests", dependencies: [.init(stringLiteral: name)] + dependencies, resources: resources,
        swiftSettings: strict)
}

let package = Package(
    name: "Unroll",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2")
    ],
    targets: [
        room("UnrollCore"),
        // Texts to download by name.
        room("UnrollCorpora", uses: [.product(name: "Crypto", package: "swift-crypto")]),
        // Leaf loops in C: chosen at run time by the processor's features, no flags, no dependency.
        .target(name: "CUnrollKernels", linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
        room("UnrollModel", uses: ["UnrollCore"]),
        room("UnrollEngine", uses: ["UnrollCore", "UnrollModel", "CUnrollKernels"]),
        tests(of: "UnrollCore"),
        tests(of: "UnrollEngine", uses: ["UnrollCore", "UnrollModel"], resources: [.copy("Oracles")]),
        tests(of: "UnrollCorpora"),
    ]
)
