import Foundation
import Testing
import Trials

@testable import Ledger

@Suite struct LedgerTests {
    /// Inputs and roots of the reference implementation of RFC 6962.
    @Test func rootsAreThoseOfTheReferenceImplementation() throws {
        let inputs = [
            "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
        ]
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ]
        var tree = TreeInMemory(.sha256)
        #expect(HexText.text(try tree.root(0)) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        for (number, input) in inputs.enumerated() {
            tree.append(Digest.of([0] + (try #require(HexText.bytes(input))), .sha256))
            #expect(HexText.text(try tree.root(UInt64(number + 1))) == roots[number])
        }
    }

    @Test func hashesAndSignaturesAreThoseOfTheStandards() throws {
        #expect(
            HexText.text(Digest.of(Array("abc".utf8), .sm3))
                == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0")
        // RFC 8032, 7.1, test 1.
        let seed = try #require(HexText.bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
        let key = try #require(SigningKey(name: "rfc8032", seed: seed))
        #expect(
            HexText.text(key.verifier.point) == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        #expect(
            HexText.text(key.signature(of: "").bytes.dropFirst(4))
                == "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        )
        #expect(VerifierKey(text: key.verifier.text) == key.verifier)
    }

    @Test(arguments: HashAlgorithm.allCases) func everyProofHoldsAndNoChangedOneDoes(hash: HashAlgorithm) throws {
        var nodes = TreeInMemory(hash)
        let leaves = (0..<40).map { Digest.of([0, UInt8($0)], hash) }
        for leaf in leaves { nodes.append(leaf) }
        let tree = MerkleTree(nodes, hash)
        for size in UInt64(1)...40 {
            let root = try tree.root(size)
            for index in 0..<size {
                let path = try tree.inclusion(of: index, size: size)
                func holds(_ leaf: [UInt8], _ index: UInt64, _ path: [[UInt8]]) -> Bool {
                    MerkleTree.verifyInclusion(leaf, index: index, size: size, path: path, root: root, hash)
                }
                #expect(holds(leaves[Int(index)], index, path))
                #expect(!holds(leaves[Int(index + 1) % 40], index, path))
                #expect(!holds(leaves[Int(index)], index, path + [root]))
                if size > 1 { #expect(!holds(leaves[Int(index)], (index + 1) % size, path)) }
                if !path.isEmpty { #expect(!holds(leaves[Int(index)], index, Array(path.dropLast()))) }
            }
            for first in 1...size {
                let proof = try tree.consistency(from: first, to: size)
                let firstRoot = try tree.root(first)
                func holds(_ one: [UInt8], _ two: [UInt8], _ proof: [[UInt8]]) -> Bool {
                    MerkleTree.verifyConsistency(from: first, one, to: size, two, proof: proof, hash)
                }
                #expect(holds(firstRoot, root, proof))
                #expect(!holds(leaves[39], root, proof) && !holds(firstRoot, leaves[39], proof))
                #expect(!holds(firstRoot, root, proof + [root]))
                for place in proof.indices {
                    var changed = proof
                    changed[place][5] ^= 4
                    #expect(!holds(firstRoot, root, changed))
                }
            }
        }
    }

    @Test func nodesToKeepAreThoseOfTheTreeInMemory() throws {
        struct Rows: TreeNodes {
            var rows: [String: [UInt8]] = [:]
            func node(level: Int, index: UInt64) throws -> [UInt8] { rows["\(level)/\(index)"] ?? [] }
        }
        var rows = Rows()
        var tree = TreeInMemory(.sha256)
        for index in UInt64(0)..<100 {
            let leaf = Digest.of([UInt8(index)], .sha256)
            tree.append(leaf)
            for made in try MerkleTree.nodes(appending: leaf, at: index, in: rows, .sha256) {
                rows.rows["\(made.level)/\(made.index)"] = made.hash
            }
            #expect(try MerkleTree(rows, .sha256).root(index + 1) == tree.root(index + 1))
        }
    }

    @Test func everyAttackIsFoundAndHonestyIsNot() throws {
        for attack in LedgerAttack.allCases {
            for seed in 0..<50 {
                var dice = Dice(UInt64(seed) &* 7919 &+ 17)
                let honest = LedgerWorld(acts: 12 + seed, hash: seed % 5 == 0 ? .sm3 : .sha256, dice: &dice)
                #expect(honest.verify() == [], "a false alarm, seed \(seed)")
                var world = honest
                attack.strike(&world, &dice)
                #expect(!world.verify().isEmpty, "\(attack) with seed \(seed) was not found")
            }
        }
    }

    @Test func theOtherVerifierFindsTheSame() throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("deploy/verify-ledger.py").path
        let folder = NSTemporaryDirectory() + "yijian-verifier-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func verdict(_ world: LedgerWorld) throws -> Int32 {
            try world.extract.text.write(toFile: folder + "/ledger.txt", atomically: false, encoding: .utf8)
            var arguments = [script, folder + "/ledger.txt", "--key", LedgerWorld.key.verifier.text]
            for (kind, notes) in [("--own", world.own), ("--held", world.held)] {
                for (number, note) in notes.enumerated() {
                    let path = folder + "/\(kind)-\(number)"
                    try note.text.write(toFile: path, atomically: false, encoding: .utf8)
                    arguments += [kind, path]
                }
            }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
            process.arguments = arguments
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            return process.terminationStatus
        }
        for attack in LedgerAttack.allCases {
            for seed in 0..<2 {
                var dice = Dice(UInt64(seed) &* 104729 &+ 3)
                var world = LedgerWorld(acts: 15 + 7 * seed, hash: seed == 1 ? .sm3 : .sha256, dice: &dice)
                if attack == .change { #expect(try verdict(world) == 0, "a false alarm, seed \(seed)") }
                attack.strike(&world, &dice)
                #expect(try verdict(world) == 1, "\(attack) with seed \(seed) was not found")
            }
        }
    }

    @Test(arguments: HashAlgorithm.allCases) func aLedgerInAFolder(hash: HashAlgorithm) async throws {
        let scratch = try JournalScratch()
        let key = try SigningKey.generate(at: scratch.folder + "/signing", name: "office")
        let ledger = try ActLedger.open(
            scratch.folder + "/ledger", origin: "yijian/330106", keys: scratch.keys, hash: hash)
        for number in 1...30 {
            let receipt = try await ledger.append(
                matter: "M\(number % 3)", number: UInt64((number + 2) / 3), body: Array("act \(number) 王某".utf8))
            #expect(receipt.index == UInt64(number - 1))
            if number % 10 == 0 { _ = try ledger.checkpoint(key) }
        }
        await #expect { try await ledger.append(matter: "M1", number: 10, body: []) } throws: {
            ($0 as? JournalError)?.kind == .conflict
        }
        let held = try ledger.checkpoints()
        #expect(held.count == 3 && held.allSatisfy { $0.isSigned(byOneOf: [key.verifier]) })
        #expect(try ledger.acts(of: "M1").map { String(decoding: $0.act.body, as: UTF8.self) }.first == "act 1 王某")
        func problems(_ ledger: ActLedger) throws -> [LedgerProblem] {
            try LedgerVerification.run(
                ledger, hash: hash, own: ledger.checkpoints(), held: held, trusted: [key.verifier]
            ).problems
        }
        #expect(try problems(ledger) == [])
        // A person is forgotten: the content is gone, everything still verifies, and the matter goes on.
        try ledger.erase(28)
        #expect(try ledger.content(at: 28) == nil)
        #expect(try problems(ledger) == [])
        _ = try await ledger.append(matter: "M2", number: 11, body: Array("goes on".utf8))
        let tree = try MerkleTree(ledger.grown(), hash)
        #expect(
            MerkleTree.verifyInclusion(
                try ledger.leaf(at: 28), index: 28, size: 31, path: try tree.inclusion(of: 28, size: 31),
                root: try tree.root(31), hash))
        ledger.close()
        let again = try ActLedger.open(
            scratch.folder + "/ledger", origin: "yijian/330106", keys: scratch.keys, toWrite: false)
        #expect(again.count == 31 && again.hash == hash)
        #expect(try problems(again) == [])
        for name in try FileManager.default.subpathsOfDirectory(atPath: scratch.folder + "/ledger") {
            let bytes = FileManager.default.contents(atPath: scratch.folder + "/ledger/" + name) ?? Data()
            #expect(bytes.range(of: Data("王某".utf8)) == nil)
        }
    }

    @Test func anExtractWithLittleDisclosedStillVerifies() throws {
        var dice = Dice(5)
        var world = LedgerWorld(acts: 60, hash: .sha256, dice: &dice)
        world.extract = try LedgerExtract(world.extract, hash: .sha256) { $0.matter == "2026-1" }
        #expect(
            world.extract.lines.contains { $0.content == nil } && world.extract.lines.contains { $0.content != nil })
        #expect(world.verify() == [])
        let (parsed, badLine) = LedgerExtract.parse(world.extract.text)
        #expect(badLine == 0 && parsed?.text == world.extract.text)
        #expect(
            LedgerExtract.parse(world.extract.text.replacingOccurrences(of: "acts 60", with: "acts 61")).extract == nil)
    }

    @Test func textsThatAreNoCheckpointsAreRefused() throws {
        var dice = Dice(9)
        let note = try #require(LedgerWorld(acts: 20, hash: .sha256, dice: &dice).own.first)
        #expect(SignedCheckpoint(text: note.text) == note)
        for bad in ["", "\n\n", "a\n1\n\n", note.checkpoint.text, "x\n\n" + note.text] {
            #expect(SignedCheckpoint(text: bad) == nil)
        }
        let bytes = Array(note.text.utf8)
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 1
            let other = SignedCheckpoint(text: String(decoding: changed, as: UTF8.self))
            #expect(
                other?.isSigned(byOneOf: [LedgerWorld.key.verifier]) != true || other?.checkpoint == note.checkpoint)
            #expect(ChainedAct(canonical: changed) == nil)
        }
    }
}
