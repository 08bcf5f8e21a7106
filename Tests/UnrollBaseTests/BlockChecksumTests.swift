import Foundation
import Testing
import UnrollBase
import UnrollTestSupport

@Suite struct BlockChecksumTests {
    private static func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(($0 * $0 * 7 + $0) % 251) }
    }

    /// Hashes by the Python package xxhash 4.1.0 of that many bytes.
    @Test(
        arguments: [
            (0, 0xEF46_DB37_51D8_E999), (1, 0xE934_A84A_DB05_2768), (3, 0x0A8B_0EAA_A44D_36DC),
            (4, 0xA52C_40DC_1E45_8CB4), (7, 0x2A5F_E019_BC71_6223), (8, 0x2BC9_F117_FE5C_541D),
            (12, 0x197D_0DA4_3ABB_F1F7), (31, 0x208E_23EA_C0EE_3FA5), (32, 0xDA7D_7A42_31EE_2AC0),
            (33, 0xF7CE_D3AC_EA35_CC81), (63, 0xB9C0_9DB4_AD1A_A601), (64, 0x4588_39D9_4903_70BB),
            (100, 0x0A4F_11D0_B539_09A7), (1_000, 0x93B1_7183_E468_61BE), (1 << 18, 0x5864_A1BD_CED7_FA65),
        ] as [(Int, UInt64)])
    func hashesAreThoseOfTheReference(count: Int, hash: UInt64) {
        #expect(Self.bytes(count).withUnsafeBytes(XXH64.hash) == hash)
    }

    @Test func partsOfAnySizeHaveTheChecksumOfTheFile() throws {
        let folder = try TemporaryFolder()
        let bytes = Self.bytes(3 * (1 << 18) + 5)
        try Data(bytes).write(to: folder("file"))
        let file = try InputFile(folder("file").path)
        for size in [1 << 12, 100_003, 1 << 18, 1 << 20] {
            var checksum = BlockChecksum()
            for start in stride(from: 0, to: bytes.count, by: size) {
                bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { checksum.update($0) }
            }
            // The hash of the four hashes, by the same package.
            #expect(checksum.value == 0xD33C_C941_B8ED_0ABD)
        }
        #expect(BlockChecksum.value(of: file, byteCount: bytes.count) == 0xD33C_C941_B8ED_0ABD)
        #expect(BlockChecksum.value(of: file, byteCount: 0) == BlockChecksum().value)
        #expect(BlockChecksum.value(of: file, byteCount: bytes.count + 1) == nil)
    }

    @Test func everyChangeIsFound() throws {
        let bytes = Self.bytes(600_000)
        func checksum(_ bytes: [UInt8]) -> UInt64 {
            var checksum = BlockChecksum()
            bytes.withUnsafeBytes { checksum.update($0) }
            return checksum.value
        }
        let whole = checksum(bytes)
        for index in [0, 31, 262_143, 262_144, 599_999] {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << bit
                #expect(checksum(changed) != whole)
            }
        }
        // Two blocks in each other's place, a part that is missing, a part too many.
        let block = 1 << 18
        #expect(checksum(Array(bytes[block..<2 * block] + bytes[..<block] + bytes[(2 * block)...])) != whole)
        #expect(checksum(bytes.dropLast()) != whole && checksum(bytes + [0]) != whole)
    }
}
