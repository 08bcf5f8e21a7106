import UnrollGeneration

/// The script of a heat map: it colors by a chosen unit, and shows the predictions for a character.
enum HeatMapScript {
    static let code = """
        "use strict";
        const element = id => document.getElementById(id);
        const data = JSON.parse(element("data").textContent);
        const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer;
        const surprisal = new Float32Array(bytes(data.surprisal));
        const entropy = new Float32Array(bytes(data.entropy));
        const alternatives = new Int32Array(bytes(data.alternatives));
        const probabilities = new Float32Array(bytes(data.probabilities));
        const units = data.units.map(unit => ({...unit, values: new Int8Array(bytes(unit.values))}));
        const marks = [...document.querySelectorAll("#text i")];
        const places = new Map(marks.map((mark, place) => [mark, place]));
        const classes = marks.map(mark => mark.className);
        const levels = \(HeatMapStyle.unitLevels);
        let unit;
        let chosen;

        const visible = text => text.replaceAll("\\n", "↵").replaceAll("\\t", "⇥").replaceAll(" ", "␣");
        const percent = value => (value * 100).toPrecision(3) + " %";
        const bits = nats => (nats / Math.LN2).toFixed(2) + " bits";

        function paint() {
          marks.forEach((mark, place) => {
            if (!unit) { mark.className = classes[place]; return; }
            const value = unit.values[place];
            const level = Math.round(Math.abs(value) / 127 * levels);
            const ends = classes[place].endsWith(" n") ? " n" : "";
            mark.className = (value < 0 && level > 0 ? "m" : "p") + level + ends;
          });
          element("surprisal-legend").hidden = Boolean(unit);
          element("unit-legend").hidden = !unit;
          if (unit) {
            element("least").textContent = "−" + unit.scale.toPrecision(3);
            element("greatest").textContent = unit.scale.toPrecision(3);
          }
        }

        function tell(place) {
          if (chosen !== undefined) marks[chosen].classList.remove("at");
          chosen = place;
          const parts = ["“" + visible(marks[place].textContent) + "”",
            "probability " + percent(Math.exp(-surprisal[place])),
            "surprisal " + bits(surprisal[place]) + ", expected " + bits(entropy[place])];
          const likely = [];
          for (let index = place * \(alternativeCount); index < (place + 1) * \(alternativeCount); index += 1) {
            if (alternatives[index] < 0) continue;
            likely.push("“" + visible(data.names[alternatives[index]]) + "” " + percent(probabilities[index]));
          }
          parts.push(likely.length ? "most probable: " + likely.join(", ") : "all tokens equally probable");
          if (unit) parts.push(unit.name + ": " + (unit.values[place] / 127 * unit.scale).toFixed(2));
          element("about").textContent = parts.join(" · ");
        }

        for (const event of ["pointerover", "click"]) {
          element("text").addEventListener(event, ({target}) => {
            const place = places.get(target);
            if (place === undefined) return;
            tell(place);
            if (event === "click") target.classList.add("at");
          });
        }
        element("shade").addEventListener("change", ({target}) => {
          unit = units[target.value];
          paint();
          if (chosen !== undefined) tell(chosen);
        });
        element("choice").hidden = units.length === 0;
        element("about").hidden = false;

        """

    private static var alternativeCount: Int { TextInspection.alternativeCount }
}

/// The style of a heat map beyond that of all pages.
enum HeatMapStyle {
    /// The number of levels of an activation in either direction.
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
