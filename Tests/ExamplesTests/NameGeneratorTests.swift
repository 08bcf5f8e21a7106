import NameGenerator
import Testing

@Suite struct NameGeneratorTests {
    private static let stars = [
        "Achernar", "Adhara", "Albireo", "Aldebaran", "Alderamin", "Algol", "Alhena", "Alioth", "Alkaid",
        "Almach",
        "Alnair", "Alnilam", "Alnitak", "Alphard", "Alphecca", "Alpheratz", "Altair", "Antares", "Arcturus",
        "Bellatrix",
        "Betelgeuse", "Canopus", "Capella", "Castor", "Deneb", "Denebola", "Diphda", "Dubhe", "Elnath",
        "Enif",
        "Fomalhaut", "Hamal", "Izar", "Kochab", "Markab", "Menkar", "Merak", "Mimosa", "Mirach", "Mirfak",
        "Mizar",
        "Naos", "Nunki", "Phecda", "Polaris", "Pollux", "Procyon", "Rasalhague", "Regulus", "Rigel", "Sabik",
        "Sadr",
        "Saiph", "Scheat", "Schedar", "Shaula", "Sirius", "Spica", "Suhail", "Thuban", "Vega", "Wezen",
    ]

    @Test func namesAreNewAndOfTheListsLetters() async throws {
        let generator = try await NameGenerator(learningFrom: Self.stars)
        let names = try await generator.names(12, temperature: 0.5, seed: 1)
        #expect(names.count == 12)
        #expect(Set(names).count == 12)
        #expect(Set(names).isDisjoint(with: Self.stars))
        let letters = Set(Self.stars.joined())
        #expect(names.allSatisfy { $0.allSatisfy(letters.contains) })
        // It has learned that names begin with a capital and go on in small letters.
        #expect(
            names.count { $0.first?.isUppercase == true && $0.dropFirst().allSatisfy(\.isLowercase) } >= 10)
        #expect(try await generator.names(12, temperature: 0.5, seed: 1) == names)
        #expect(try await generator.names(12, temperature: 0.5, seed: 2) != names)
        let beginning = try await generator.names(5, beginning: "Al", seed: 1)
        #expect(!beginning.isEmpty)
        #expect(beginning.allSatisfy { $0.hasPrefix("Al") })
        #expect(try await generator.names(0) == [])
        #expect(try await generator.names(-1) == [])
    }
}
