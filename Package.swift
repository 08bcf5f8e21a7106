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

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

/// A program of one file under `Examples`.
func example(_ name: String) -> Target {
    .executableTarget(
        name: name, dependencies: ["Book", "Chapter", "Unroll", argumentParser], path: "Examples/\(name)",
        swiftSettings: strict)
}

/// A small program that uses the library alone: a type, and a command that it is used by.
func tool(_ name: String) -> Target {
    .executableTarget(
        name: name, dependencies: ["Unroll", argumentParser], path: "Examples/\(name)", swiftSettings: strict)
}

let recipes = [
    "d2l-scratch-sequential", "d2l-scratch-fresh-state", "d2l-scratch-random", "d2l-slides", "gluon-concise",
    "lstm-scaffold", "gru-scaffold", "exercise-embedding", "exercise-low-perplexity", "exercise-other-books",
    "exercise-sampling", "exercise-clipping", "exercise-detached-state", "exercise-relu",
    "tinyshakespeare-lstm", "time-machine-lstm",
]

let package = Package(
    name: "Unroll",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Unroll", targets: ["Unroll"]),
        .executable(name: "unroll", targets: ["UnrollCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        room("UnrollCore"),
        room("UnrollText", uses: ["UnrollCore"], resources: [.embedInCode("Resources/sample.txt")]),
        room("UnrollModel", uses: ["UnrollCore"]),
        // Leaf loops in C: chosen at run time by the processor's features, no flags, no dependency.
        .target(name: "CUnrollKernels", linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
        room("UnrollKernels", uses: ["CUnrollKernels"]),
        room("UnrollTensor", uses: ["UnrollCore", "UnrollKernels", "CUnrollKernels"]),
        room("UnrollEngine", uses: ["UnrollCore", "UnrollModel", "UnrollKernels", "CUnrollKernels"]),
        room("UnrollStorage", uses: ["UnrollText", "UnrollModel"]),
        room(
            "UnrollTraining",
            uses: [
                "UnrollCore", "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine", "UnrollStorage",
            ]),
        room(
            "UnrollGeneration",
            uses: [
                "UnrollCore", "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine", "UnrollStorage",
            ]),
        room(
            "Unroll",
            uses: [
                "UnrollCore", "UnrollText", "UnrollTensor", "UnrollModel", "UnrollKernels", "UnrollEngine",
                "UnrollStorage",
                "UnrollTraining", "UnrollGeneration",
            ]),
        room("UnrollCorpora", uses: ["UnrollStorage"]),
        room("UnrollCharts"),
        room("UnrollBaselines", uses: ["UnrollText"]),
        // In the program's code, so that a program that is copied elsewhere still has them.
        .target(
            name: "RecipeFiles", path: "Recipes", exclude: ["README.md", "plots"],
            resources: recipes.map { .embedInCode("\($0).json") }, swiftSettings: strict),
        room(
            "UnrollRecipes",
            uses: [
                "RecipeFiles", "UnrollCore", "UnrollText", "UnrollTensor", "UnrollModel", "UnrollKernels",
                "UnrollEngine", "UnrollStorage", "UnrollTraining", "UnrollGeneration", "UnrollCharts",
            ]),
        room(
            "UnrollReports",
            uses: [
                "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine", "UnrollStorage",
                "UnrollTraining",
                "UnrollGeneration", "UnrollCharts",
            ]),
        .executableTarget(
            name: "UnrollCLI",
            dependencies: [
                "Unroll", "UnrollStorage", "UnrollTraining", "UnrollGeneration", "UnrollCorpora",
                "UnrollCharts", "UnrollBaselines",
                "UnrollRecipes", "UnrollReports",
                argumentParser,
            ],
            swiftSettings: strict),

        .target(
            name: "Book", dependencies: ["Unroll", "UnrollCorpora", argumentParser], path: "Examples/Book",
            swiftSettings: strict),
        // The chapter's definitions are a target of their own, so that the other examples can use them.
        .target(
            name: "Chapter", dependencies: ["Book", "Unroll"], path: "Examples/RNNFromScratch",
            exclude: ["RNNFromScratch.swift"], swiftSettings: strict),
        .executableTarget(
            name: "RNNFromScratch", dependencies: ["Book", "Chapter", "Unroll", argumentParser],
            path: "Examples/RNNFromScratch", exclude: ["Chapter.swift"], swiftSettings: strict),
        example("LSTMFromScratch"),
        example("GRUFromScratch"),
        example("RNNConcise"),
        example("Exercises"),
        example("CustomCell"),
        tool("NameGenerator"),
        example("Continuations"),
        tool("LogAnomaly"),
        tool("Autocomplete"),

        .target(name: "UnrollTestSupport", path: "Tests/UnrollTestSupport", swiftSettings: strict),
        tests(of: "Unroll"),
        tests(of: "UnrollKernels", uses: ["CUnrollKernels"]),
        tests(of: "UnrollCore"),
        tests(of: "UnrollCorpora", uses: ["UnrollStorage"]),
        tests(of: "UnrollCharts"),
        tests(of: "UnrollBaselines", uses: ["UnrollText", "UnrollCore"], resources: [.copy("Oracles")]),
        tests(
            of: "UnrollRecipes",
            uses: [
                "RecipeFiles", "UnrollCharts", "UnrollText", "UnrollEngine", "UnrollModel", "UnrollTraining",
            ]),
        tests(of: "UnrollText", uses: ["UnrollCore", "UnrollTestSupport"]),
        tests(of: "UnrollTensor", uses: ["UnrollCore"], resources: [.copy("Oracles")]),
        .testTarget(
            name: "ExamplesTests",
            dependencies: [
                "Chapter", "LSTMFromScratch", "GRUFromScratch", "NameGenerator", "LogAnomaly", "Autocomplete",
                "Unroll",
            ],
            resources: [.copy("Oracles")], swiftSettings: strict),
        tests(of: "UnrollModel", uses: ["UnrollCore"], resources: [.copy("Fixtures")]),
        tests(
            of: "UnrollEngine", uses: ["UnrollCore", "UnrollModel", "UnrollKernels", "UnrollText"],
            resources: [.copy("Oracles")]),
        tests(
            of: "UnrollStorage", uses: ["UnrollText", "UnrollModel", "UnrollTestSupport"],
            resources: [.copy("Oracles")]),
        tests(
            of: "UnrollTraining",
            uses: [
                "UnrollTestSupport",
                "UnrollCore", "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine", "UnrollStorage",
                "UnrollGeneration",
            ], resources: [.copy("Oracles")]),
        tests(
            of: "UnrollGeneration",
            uses: [
                "UnrollTestSupport",
                "UnrollCore", "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine", "UnrollStorage",
                "UnrollTraining",
            ], resources: [.copy("Interchange"), .copy("Oracles")]),
        tests(
            of: "UnrollReports",
            uses: [
                "UnrollTestSupport", "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine",
                "UnrollStorage",
                "UnrollTraining", "UnrollGeneration", "UnrollCharts",
            ],
            resources: [.copy("Oracles")]),
        tests(of: "UnrollCLI", uses: ["UnrollTestSupport"]),
    ]
)
