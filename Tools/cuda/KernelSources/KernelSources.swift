import Foundation
import UnrollCUDA
import UnrollKernels
import UnrollModel

/// Writes the text of the kernels that networks of the built-in cells need, of one with every function of formulas, and of
/// some with every primitive, as NAME.cu with all that the compiler gets, into the folder that is its argument.
@main struct KernelSources {
    static func main() throws {
        guard CommandLine.arguments.count == 2 else {
            FileHandle.standardError.write(Data("usage: KernelSources FOLDER\n".utf8))
            exit(64)
        }
        let folder = URL(filePath: CommandLine.arguments[1], directoryHint: .isDirectory)
        func write(_ source: KernelSource, _ name: String, definitions: String = "") throws {
            let text = definitions + source.completeText
            try Data(text.utf8).write(to: folder.appending(path: "\(name).cu"))
        }
        for (suffix, definitions) in [("", ""), ("-watchdog", "#define WATCHDOG 1000000000ull\n")] {
            try write(EveryPrimitive.blocks, "primitives-bfloat16\(suffix)", definitions: definitions)
            try write(EveryPrimitive.clusters, "primitives-clusters\(suffix)", definitions: definitions)
        }
        for layer in PersistentLayer.all {
            for layout in try layer.layouts() {
                try write(.persistent(of: layer.configuration, layout), layer.fileName(layout))
            }
        }
        for (model, layout, name) in try PersistentLayer.samplerLayouts() {
            try write(.sampler(of: model, layout), name)
        }
        try write(.factorProducts, "large-products-bfloat16")
        let cells = ModelConfiguration.builtInCells + [EveryFunctionCell.self]
        let zoneout = Zoneout(output: 0.1, memory: 0.1)
        let layers =
            cells.flatMap { [("\($0.name)", $0, 512, Zoneout()), ("\($0.name)-zoneout", $0, 512, zoneout)] }
            + [("lstm-100", LSTMCell.self, 100, Zoneout())]
        for (name, cell, hiddenSize, zoneout) in layers {
            let model = ModelConfiguration(cell: cell, hiddenSize: hiddenSize, zoneout: zoneout)
            let layer = try RecurrentLayer(model, .bfloat16)
            for layout in ProductLayout.layouts(of: layer, on: PersistentLayer.h200) {
                try write(.products(of: model, layout), "products-\(name)-bfloat16-\(layout.rows)")
            }
        }
        for precision in Precision.trainable {
            try write(.common(precision), "common-\(precision)")
            for cell in cells {
                for (suffix, zoneout) in [("", Zoneout()), ("-zoneout", zoneout)] {
                    let model = ModelConfiguration(cell: cell, zoneout: zoneout)
                    try write(.recurrence(of: model, precision), "\(cell.name)\(suffix)-\(precision)")
                }
            }
        }
    }
}
