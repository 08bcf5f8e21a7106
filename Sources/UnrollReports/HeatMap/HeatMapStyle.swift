/// How a heat map looks, beyond what all pages have in common.
enum HeatMapStyle {
    /// Levels of activations in either direction.
    static let unitLevels = 8

    static let css =
        """
        :root { --hot: #e0481c; --plus: #d9480f; --minus: #1864ab; }
        @media (prefers-color-scheme: dark) { :root { --hot: #ff6b3d; --plus: #f76707; --minus: #339af0; } }
        .controls { position: sticky; top: 0; z-index: 1; margin: 1.5rem 0 0; padding: .6rem 0;
          background: var(--paper); border-bottom: 1px solid var(--line); }
        .controls select { font: inherit; max-width: 100%; color: inherit; background: var(--panel);
          border: 1px solid var(--line); border-radius: 6px; padding: .15rem .4rem; }
        .legend { display: flex; flex-wrap: wrap; gap: .15rem .9rem; margin: .4rem 0 0; font-size: .8rem; }
        .legend b { font-weight: 600; }
        .legend i { display: inline-block; width: 1.6em; height: 1.1em; vertical-align: -.2em; border: 1px solid var(--line); border-radius: 3px; }
        [hidden] { display: none !important; }
        i { font-style: normal; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
        #text { margin: 1rem 0; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate;
          font: .95rem/1.65 ui-monospace, monospace; }
        #text div { content-visibility: auto; contain-intrinsic-size: auto 60rem; }
        #text i { padding: .12em 0; }
        #text i:hover, #text i.at { outline: 2px solid var(--accent); }
        .n::before { content: "↵"; opacity: .35; }
        .given { color: var(--quiet); }
        #about { display: block; position: sticky; bottom: 0; padding: .5rem .9rem; font-size: .9rem;
          min-height: 3.6rem; background: var(--panel); border: 1px solid var(--line); border-radius: 8px 8px 0 0;
          overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
        .units { width: auto; }
        @media print { .controls, #about { position: static; } #choice, #about { display: none; }
          #text div { content-visibility: visible; } }

        """
        + HeatMark.levels.indices.dropFirst().map { level in
            rule("c\(level)", "--hot", Double(level) / Double(HeatMark.levels.count - 1) * 85)
        }.joined()
        + (1...unitLevels).map { level in
            let percent = Double(level) / Double(unitLevels) * 85
            return rule("p\(level)", "--plus", percent) + rule("m\(level)", "--minus", percent)
        }.joined()

    private static func rule(_ name: String, _ color: String, _ percent: Double) -> String {
        ".\(name) { background: color-mix(in srgb, var(\(color)) \(Int(percent.rounded()))%, transparent); }\n"
    }
}
