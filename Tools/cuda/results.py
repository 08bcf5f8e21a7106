"""The table of a run of `check`, from what is in its results.json."""
import statistics


def table(document):
    stages = {stage["name"]: stage for stage in document["stages"]}
    parts = [
        make(stages[name]["lines"])
        for name, make in [("primitives", primitives), ("agreement", agreement), ("speed", speed)]
        if name in stages
    ]
    # Last, as the end of a long output is what is sure to be seen.
    parts.append(
        rows([["stage", "state", "seconds", "what"]] + [
            [stage["name"], stage["state"], f"{stage['seconds']:.1f}", summary(stage)]
            for stage in document["stages"]
        ]))
    return "\n\n".join(["", *filter(None, parts)])


def summary(stage):
    """What a stage has found, in a few words."""
    checked = [line for line in stage["lines"] if line.get("case")]
    wrong = [line for line in checked if not line["ok"]]
    if stage["state"] == "ok" and checked:
        worst = max((line.get("tensorError") or 0 for line in checked), default=0)
        return f"{len(checked)} cases, greatest error {worst:.1e}"
    if checked and wrong:
        return f"{len(wrong)} of {len(checked)} cases are wrong: {stage['message']}"[:160]
    # Without lines of JSON, what it says is what it has found.
    last = [] if stage["lines"] or stage["state"] != "ok" else stage["log"].strip().splitlines()[-1:]
    return (stage["message"] or "".join(last))[:160]


def rows(cells):
    """Cells in columns."""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells)


def agreement(lines):
    found = [line for line in lines if line.get("check") == "agreement" and line.get("differences")]
    return rows([["agreement", "steps 1 to 50", "last step", "mean of the last 50", "ok"]] + [
        [
            line["precision"], *(f"{line[key]:.1e}" for key in ["earlyDifference", "lastDifference", "meanDifference"]),
            str(line["ok"]),
        ] for line in found
    ]) if found else None


# What varies within a row of the table, and what is shown of each measurement.
SWEPT = {
    "occupancy": "sharedKB", "cluster": "KB", "grid": "KB", "throughput": "warps", "copies": "blocks",
    "recurrent": "blocks", "gap": "blocks",
}
CASES = ["kernel", "cluster", "clusters", "blocks", "KB", "variant", "way", "dependentLaunch"]
SHOWN = {"occupancy": "activeClusters", "throughput": "perCycle", "copies": "bytesPerCycle"}


def primitives(lines):
    """Measurements side by side that differ in one thing; "!" stands beside those that have found something wrong."""
    series = {}
    for line in lines:
        name = line.get("measurement")
        if name not in SWEPT or line.get("error"):
            continue
        swept, shown = SWEPT[name], SHOWN.get(name, "microseconds")
        case = " ".join(f"{key} {line[key]}" for key in CASES if key in line and key != swept)
        found = f"{line[shown]:.4g}{'' if line.get('ok', True) else '!'}"
        label = "" if line[swept] is None else f"{swept} {line[swept]}: "
        series.setdefault((name, shown, case), []).append(label + found)
    cells = [[name, case, shown, ", ".join(values)] for (name, shown, case), values in series.items()]
    return rows([["primitive", "case", "unit", "found"], *cells]) if cells else None


def speed(lines):
    """Millions of tokens in a second, ours with step kernels, persistent ones, those of whole grids and step products beside
    PyTorch's faster way, and how many times as fast the fastest of ours is."""
    times, sizes = {}, {}
    for line in lines:
        if line.get("round") is None or not line.get("microseconds"):
            continue
        key = line["workload"], line["T"], line["B"]
        sizes[key] = line["T"] * line["B"]
        way = line["source"], line["precision"], line.get("variant")
        times.setdefault(key, {}).setdefault(way, []).append(line["microseconds"][0])

    def best(key, source, *precisions, variants=None):
        found = [
            statistics.median(values) for (of, precision, variant), values in times[key].items()
            if of == source and precision in precisions and (variants is None or variant in variants)
        ]
        return min(found, default=None)

    def shown(key, time):
        return "" if time is None else f"{sizes[key] / time:.3f} ({time:.{0 if time >= 100 else 2}f})"

    def ours(key, precision, *variants):
        return [shown(key, best(key, "ours", precision, variants=[variant])) for variant in [None, *variants]]

    def ratio(ours, theirs):
        return "" if ours is None or theirs is None else f"{theirs / ours:.2f}"

    header = [
        "million tokens/s (us)", "T", "B", "float32", "persistent", "grid", "PyTorch", "tf32", "ratio", "bfloat16",
        "persistent", "grid", "products", "PyTorch", "float16", "ratio",
    ]
    cells = []
    for key in times:
        single, theirs = best(key, "ours", "float32"), best(key, "pytorch", "float32")
        half, halves = best(key, "ours", "bfloat16"), best(key, "pytorch", "bfloat16", "float16")
        cells.append([
            key[0], str(key[1]), str(key[2]), *ours(key, "float32", "persistent", "grid"),
            shown(key, theirs), shown(key, best(key, "pytorch", "tf32")), ratio(single, theirs),
            *ours(key, "bfloat16", "persistent", "grid", "products"),
            shown(key, best(key, "pytorch", "bfloat16")), shown(key, best(key, "pytorch", "float16")),
            ratio(half, halves),
        ])
    return rows([header, *cells]) if cells else None
