import CCrypto
import Ledger

/// A password as it is kept: `scrypt$16$8$2$SALT$HASH`, the cost beside the salt, so that costs can grow while old ones
/// still open (RFC 7914; OWASP's setting of 64 MiB and two lanes).
struct StoredPassword: Equatable {
    let costLog2: Int
    let blockSize: Int
    let lanes: Int
    let salt: [UInt8]
    let hash: [UInt8]

    init(_ password: String, salt: [UInt8], costLog2: Int, blockSize: Int = 8, lanes: Int = 2) {
        self.costLog2 = costLog2
        self.blockSize = blockSize
        self.lanes = lanes
        self.salt = salt
        hash = Self.derive(password, salt, costLog2, blockSize, lanes)
    }

    /// Nil for a text that is not of our making.
    init?(text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "scrypt", let cost = Int(parts[1]), let block = Int(parts[2]),
            let lanes = Int(parts[3]), (1...20).contains(cost), (1...16).contains(block), (1...8).contains(lanes),
            let salt = HexText.bytes(parts[4]), let hash = HexText.bytes(parts[5]), salt.count >= 16,
            hash.count == 32
        else { return nil }
        (costLog2, blockSize, self.lanes, self.salt, self.hash) = (cost, block, lanes, salt, hash)
    }

    var text: String { "scrypt$\(costLog2)$\(blockSize)$\(lanes)$\(HexText.text(salt))$\(HexText.text(hash))" }

    func isOpened(by password: String) -> Bool {
        ConstantTime.isEqual(Self.derive(password, salt, costLog2, blockSize, lanes), hash)
    }

    /// Made with less than today's cost; it is made anew when it is next opened.
    func isWeaker(than costLog2: Int) -> Bool { self.costLog2 < costLog2 || blockSize < 8 || lanes < 2 }

    private static func derive(_ password: String, _ salt: [UInt8], _ cost: Int, _ block: Int, _ lanes: Int) -> [UInt8]
    {
        // The same characters typed in another form are the same password.
        let bytes = Array(password.precomposed.utf8)
        var result = [UInt8](repeating: 0, count: 32)
        let done = bytes.withUnsafeBytes { bytes in
            EVP_PBE_scrypt(
                bytes.bindMemory(to: CChar.self).baseAddress, bytes.count, salt, salt.count, 1 << UInt64(cost),
                UInt64(block), UInt64(lanes), 1 << 30, &result, result.count)
        }
        precondition(done == 1, "the cryptographic library refused scrypt; is OpenSSL 3 installed whole?")
        return result
    }
}

enum ConstantTime {
    /// Equal without telling by its time where they differ.
    static func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
