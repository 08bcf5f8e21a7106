/// The rectangle of a page between the axes, in pixels.
struct PlotArea {
    let left: Double
    let top: Double
    let width: Double
    let height: Double

    var right: Double { left + width }
    var bottom: Double { top + height }

    func x(_ spot: Spot) -> Double { left + spot.x * width }
    func y(_ spot: Spot) -> Double { top + (1 - spot.y) * height }
}
