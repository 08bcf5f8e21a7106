import Unroll

@main enum RNNConcise {
    static func main() {}
}
