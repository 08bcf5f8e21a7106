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

/// A product of another package that the server alone needs.
func server(_ product: String, of package: String) -> Target.Dependency {
    .product(name: product, package: package, condition: .when(traits: ["Serving"]))
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
    "d2l-scratch-sequential", "d2l-fixed-minibatches", "d2l-random-offset", "d2l-scratch-random",
    "d2l-slides",
    "gluon-concise",
    "lstm-scaffold", "gru-scaffold", "exercise-embedding", "exercise-low-perplexity", "exercise-other-books",
    "exercise-sampling", "exercise-clipping", "exercise-detached-state", "exercise-relu",
    "tinyshakespeare-lstm", "time-machine-lstm",
]

/// The text of the GPU's kernels, which is compiled on the machine that runs them.
let cudaSources = [
    "prelude.cuh", "exchange.cuh", "masks.cuh", "step.cuh", "tile.cuh", "functions.cuh", "products.cu",
    "factor_products.cu", "tokens.cu", "decoder.cu", "update.cu", "recurrence.cu", "persistent.cuh",
    "layer.cuh", "cluster.cuh", "cluster_forward.cu", "cluster_backward.cu", "grid.cuh", "grid_forward.cu",
    "grid_backward.cu", "pipeline.cuh", "step_products.cuh", "step_products.cu", "choice.cuh", "ngrams.cuh",
    "sampler.cu",
]

/// What stands in the place of a GPU when tests compile the kernels for the CPU.
let emulatorSources = [
    "fibers.hpp", "blocks.hpp", "barriers.hpp", "transactions.hpp", "copies.hpp", "orders.hpp",
    "launches.hpp", "primitives.hpp",
]

let package = Package(
    name: "Unroll",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Unroll", targets: ["Unroll"]),
        // Parts of it, for programs that need no more.
        .library(name: "UnrollText", targets: ["UnrollText"]),
        .library(name: "UnrollModel", targets: ["UnrollModel"]),
        .library(name: "UnrollGeneration", targets: ["UnrollGeneration"]),
        .library(name: "UnrollCompression", targets: ["UnrollCompression"]),
        // An HTTP server; empty without the trait.
        .library(name: "UnrollServing", targets: ["UnrollServing"]),
        .executable(name: "unroll", targets: ["UnrollCLI"]),
    ],
    traits: [
        .trait(
            name: "Serving", description: "An HTTP server: 'unroll serve' and the library UnrollServing.")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // What follows is compiled with the trait alone.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    ],
    targets: [
        // Leaf loops in C: chosen at run time by the processor's features, no flags, no dependency.
        .target(name: "CUnrollKernels", linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
        // Two types by which NCCL is called.
        .target(name: "CUnrollNCCL"),
        room("UnrollBase"),
        room("UnrollKernels", uses: ["UnrollBase", "CUnrollKernels"]),
        room("UnrollCluster", uses: ["UnrollBase"]),
        room("UnrollText", uses: ["UnrollBase"], resources: [.embedInCode("Resources/sample.txt")]),
        room("UnrollTensor", uses: ["UnrollBase", "UnrollKernels", "CUnrollKernels"]),
        room("UnrollModel", uses: ["UnrollBase", "UnrollText"]),
        room("UnrollInterchange", uses: ["UnrollBase", "UnrollText", "UnrollModel"]),
        room(
            "UnrollEngine",
            uses: [
                "UnrollBase", "UnrollCluster", "UnrollText", "UnrollModel", "UnrollKernels", "CUnrollKernels",
            ]),
        // No CUDA at build time: the driver and the compiler of kernels are looked for when a GPU is asked for.
        room(
            "UnrollCUDA",
            uses: [
                "UnrollBase", "UnrollCluster", "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine",
                "CUnrollNCCL",
            ],
            resources: cudaSources.map { .embedInCode("Kernels/\($0)") }),
        room(
            "UnrollTraining",
            uses: [
                "UnrollBase", "UnrollCluster", "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine",
                "UnrollCUDA",
            ]),
        room(
            "UnrollGeneration",
            uses: [
                "UnrollBase", "UnrollCluster", "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine",
            ]),
        room(
            "UnrollCompression",
            uses: [
                "UnrollBase", "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine",
                "UnrollGeneration",
            ]),
        room(
            "Unroll",
            uses: [
                "UnrollBase", "UnrollCluster", "UnrollText", "UnrollTensor", "UnrollModel",
                "UnrollInterchange",
                "UnrollKernels", "UnrollEngine", "UnrollCUDA", "UnrollTraining", "UnrollGeneration",
                "UnrollCompression",
            ]),
        room("UnrollDatasets", uses: ["UnrollBase"]),
        room("UnrollCharts", uses: ["UnrollBase"]),
        room(
            "UnrollReports",
            uses: [
                "UnrollBase", "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine",
                "UnrollTraining", "UnrollGeneration", "UnrollCharts",
            ]),
        // In the program's code, so that a program that is copied elsewhere still has them.
        .target(
            name: "RecipeFiles", path: "Recipes", exclude: ["README.md", "plots"],
            resources: recipes.map { .embedInCode("\($0).json") }, swiftSettings: strict),
        room(
            "UnrollRecipes",
            uses: [
                "RecipeFiles", "UnrollBase", "UnrollCluster", "UnrollText", "UnrollTensor", "UnrollModel",
                "UnrollKernels",
                "UnrollEngine", "UnrollTraining", "UnrollGeneration", "UnrollCharts",
            ]),
        room(
            "UnrollServing",
            uses: [
                "UnrollBase", "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine",
                "UnrollGeneration",
                server("Hummingbird", of: "hummingbird"),
                server("HummingbirdCore", of: "hummingbird"),
                server("NIOCore", of: "swift-nio"),
                server("NIOHTTPTypes", of: "swift-nio-extras"),
                server("ServiceLifecycle", of: "swift-service-lifecycle"),
                server("Logging", of: "swift-log"),
                server("Metrics", of: "swift-metrics"),
                server("CoreMetrics", of: "swift-metrics"),
            ],
            resources: [.embedInCode("Page/index.html"), .embedInCode("API/openapi.json")]),
        .executableTarget(
            name: "UnrollCLI",
            dependencies: [
                "Unroll", "UnrollBase", "UnrollCluster", "UnrollCUDA", "UnrollInterchange", "UnrollDatasets",
                "UnrollCharts",
                "UnrollReports",
                "UnrollRecipes", argumentParser,
                .target(name: "UnrollServing", condition: .when(traits: ["Serving"])),
                server("Logging", of: "swift-log"),
                server("ServiceLifecycle", of: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),

        // For `Tools/cuda/compile`, which compiles what it writes.
        .executableTarget(
            name: "KernelSources", dependencies: ["UnrollCUDA", "UnrollKernels", "UnrollModel"],
            path: "Tools/cuda/KernelSources", swiftSettings: strict),
        // For `Tools/cluster/check-mpi`, which starts several of it.
        .executableTarget(
            name: "GroupCheck", dependencies: ["UnrollBase", "UnrollCluster"],
            path: "Tools/cluster/GroupCheck", swiftSettings: strict),
        // For `Tools/interchange/check`, which computes what it exports in other programs.
        .executableTarget(
            name: "ExportedModels",
            dependencies: [
                "UnrollBase", "UnrollText", "UnrollModel", "UnrollInterchange", "UnrollGeneration",
            ],
            path: "Tools/interchange/ExportedModels", swiftSettings: strict),
        // For `Tools/cuda/check`, which runs it on a machine with a GPU.
        .executableTarget(
            name: "DeviceCheck",
            dependencies: [
                "UnrollCUDA", "UnrollBase", "UnrollCluster", "UnrollText", "UnrollModel", "UnrollKernels",
                "UnrollEngine", "UnrollGeneration",
                argumentParser,
            ],
            path: "Tools/cuda/DeviceCheck", swiftSettings: strict),

        .target(
            name: "Book", dependencies: ["Unroll", "UnrollDatasets", argumentParser], path: "Examples/Book",
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
        tool("QuickStart"),
        tool("NameGenerator"),
        example("Continuations"),
        tool("LogAnomaly"),
        tool("Autocomplete"),
        tool("ImportedNetwork"),

        .target(
            name: "UnrollTestSupport",
            dependencies: [
                "UnrollBase", "UnrollCluster", "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine",
                "UnrollCUDA", "UnrollGeneration",
            ],
            path: "Tests/UnrollTestSupport", resources: [.copy("Fakes")], swiftSettings: strict),
        tests(of: "Unroll"),
        tests(of: "UnrollBase", uses: ["UnrollTestSupport"], resources: [.copy("Oracles")]),
        tests(
            of: "UnrollCluster", uses: ["UnrollBase", "UnrollTestSupport"], resources: [.copy("Oracles")]),
        tests(of: "UnrollKernels", uses: ["CUnrollKernels"]),
        tests(
            of: "UnrollText", uses: ["UnrollBase", "UnrollTestSupport"],
            resources: [.copy("Fixtures"), .copy("Oracles")]),
        tests(of: "UnrollTensor", uses: ["UnrollBase"], resources: [.copy("Oracles")]),
        tests(
            of: "UnrollModel", uses: ["UnrollBase", "UnrollText", "UnrollTestSupport"],
            resources: [.copy("Fixtures"), .copy("Oracles")]),
        tests(
            of: "UnrollInterchange",
            uses: [
                "ExportedModels", "UnrollTestSupport", "UnrollBase", "UnrollText", "UnrollModel",
                "UnrollEngine", "UnrollGeneration",
            ],
            resources: [.copy("Fixtures")]),
        tests(
            of: "UnrollEngine",
            uses: [
                "UnrollTestSupport", "UnrollBase", "UnrollCluster", "UnrollModel", "UnrollKernels",
                "UnrollText",
            ],
            resources: [.copy("Oracles")]),
        tests(
            of: "UnrollCUDA",
            uses: [
                "DeviceCheck", "KernelSources", "UnrollTestSupport", "UnrollBase", "UnrollCluster",
                "UnrollText", "UnrollModel", "UnrollKernels", "UnrollEngine", "UnrollGeneration",
            ],
            resources: [.copy("EmulatedDriver")] + emulatorSources.map { .embedInCode("Emulator/\($0)") }),
        tests(
            of: "UnrollTraining",
            uses: [
                "UnrollTestSupport", "UnrollBase", "UnrollText", "UnrollModel", "UnrollKernels",
                "UnrollEngine", "UnrollCUDA", "UnrollGeneration", "UnrollCluster",
            ], resources: [.copy("Oracles"), .copy("Fixtures")]),
        tests(
            of: "UnrollGeneration",
            uses: [
                "UnrollTestSupport", "UnrollBase", "UnrollText", "UnrollModel", "UnrollKernels",
                "UnrollEngine", "UnrollTraining",
            ], resources: [.copy("Fixtures"), .copy("Interchange"), .copy("Oracles")]),
        tests(
            of: "UnrollCompression",
            uses: [
                "UnrollTestSupport", "UnrollBase", "UnrollText", "UnrollModel", "UnrollKernels",
                "UnrollEngine", "UnrollGeneration",
            ], resources: [.copy("Fixtures")]),
        tests(of: "UnrollDatasets", uses: ["UnrollBase"]),
        tests(of: "UnrollCharts"),
        tests(
            of: "UnrollReports",
            uses: [
                "UnrollTestSupport", "UnrollBase", "UnrollText", "UnrollModel", "UnrollKernels",
                "UnrollEngine", "UnrollTraining", "UnrollGeneration", "UnrollCharts",
            ],
            resources: [.copy("Oracles")]),
        tests(
            of: "UnrollRecipes",
            uses: [
                "RecipeFiles", "UnrollTestSupport", "UnrollBase", "UnrollCharts", "UnrollText",
                "UnrollEngine", "UnrollModel",
                "UnrollTraining",
            ]),
        tests(
            of: "UnrollServing",
            uses: [
                "UnrollTestSupport", "UnrollBase", "UnrollText", "UnrollModel", "UnrollEngine",
                "UnrollGeneration",
                server("Hummingbird", of: "hummingbird"),
                server("HummingbirdTesting", of: "hummingbird"),
                server("NIOCore", of: "swift-nio"),
                server("NIOPosix", of: "swift-nio"),
                server("ServiceLifecycle", of: "swift-service-lifecycle"),
                server("Logging", of: "swift-log"),
                server("Metrics", of: "swift-metrics"),
            ]),
        tests(of: "UnrollCLI", uses: ["UnrollTestSupport"]),
        .testTarget(
            name: "ExamplesTests",
            dependencies: [
                "Chapter", "LSTMFromScratch", "GRUFromScratch", "CustomCell", "NameGenerator", "LogAnomaly",
                "Autocomplete", "Unroll",
            ],
            resources: [.copy("Oracles")], swiftSettings: strict),
    ]
)
