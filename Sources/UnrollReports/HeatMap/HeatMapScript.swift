import UnrollGeneration

/// What a heat map does: colors by a unit that is chosen, and says what was predicted where somebody points.
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
          const parts = ["“" + visible(marks[place].textContent) + "”"];
          if (Number.isNaN(surprisal[place])) {
            parts.push("given, not predicted");
          } else {
            parts.push("probability " + percent(Math.exp(-surprisal[place])),
              "surprisal " + bits(surprisal[place]) + ", expected " + bits(entropy[place]));
            const likely = [];
            for (let index = place * \(alternativeCount); index < (place + 1) * \(alternativeCount); index += 1) {
              if (alternatives[index] < 0) continue;
              likely.push("“" + visible(data.names[alternatives[index]]) + "” " + percent(probabilities[index]));
            }
            parts.push("most probable: " + likely.join(", "));
          }
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
