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
        tests(of: "UnrollCore"),
        room("UnrollText", uses: ["UnrollCore"]),
        tests(of: "UnrollText", uses: ["UnrollCore"]),
        room("UnrollModel", uses: ["UnrollCore"]),
        tests(of: "UnrollModel", uses: ["UnrollCore"], resources: [.copy("Fixtures")]),
        room(
            "UnrollStorage",
            uses: [
                "UnrollCore", "UnrollText", "UnrollModel", .product(name: "Crypto", package: "swift-crypto"),
            ]),
        tests(of: "UnrollStorage", uses: ["UnrollText", "UnrollModel"]),
    ]
)
