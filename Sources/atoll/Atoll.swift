@main enum Atoll {
    static func main() {}
}
