import Ledger

/// What somebody with full power over the database, and sometimes over the signing key, does to history.
package enum LedgerAttack: String, CaseIterable, Sendable {
    case change, recommit, delete, insert, swap, repeated, truncate, rollback, rebuild, fork, swapKey, backdate,
        editCheckpoint

    /// Does it to a world; `dice` chooses the place.
    package func strike(_ world: inout LedgerWorld, _ dice: inout Dice) {
        // What no checkpoint covers yet cannot be proven: that window is part of the threat model. Attacks strike before it.
        let covered = Int(world.own.last?.checkpoint.size ?? 0)
        let place = dice.below(covered)
        switch self {
        case .change:
            guard var content = world.extract.lines[place].content else { return }
            content.canonical[dice.below(content.canonical.count)] ^= 1 << UInt8(dice.below(8))
            world.extract.lines[place].content = content
        case .recommit: world.extract.lines[place] = Self.forged(world, place, &dice)
        case .delete: world.extract.lines.remove(at: place)
        case .insert: world.extract.lines.insert(Self.forged(world, place, &dice), at: place)
        case .swap: world.extract.lines.swapAt(place, (place + 1 + dice.below(covered - 1)) % covered)
        case .repeated:
            world.extract.lines.insert(
                world.extract.lines[place], at: min(place + dice.below(3), world.extract.lines.count))
        case .truncate: cut(&world, to: place)
        case .rollback:
            let size = Int(world.own[dice.below(world.own.count - 1)].checkpoint.size)
            cut(&world, to: size)
        case .rebuild: Self.rewrite(&world, from: place, keys: [LedgerWorld.key, LedgerWorld.laterKey], &dice)
        case .fork:
            // An outsider holds the first history; we are shown another one, rightly signed.
            Self.rewrite(&world, from: place, keys: [LedgerWorld.key, LedgerWorld.laterKey], &dice)
            world.own =
                world.own.filter { $0.checkpoint.size <= place } + [
                    world.sign(world.acts.count, [LedgerWorld.laterKey, LedgerWorld.key])
                ]
            world.held = world.held.filter { Int($0.checkpoint.size) > place }
        case .swapKey: Self.rewrite(&world, from: place, keys: [LedgerWorld.stranger], &dice)
        case .backdate:
            let matter = world.acts[place].matter
            let last = world.acts.lastIndex { $0.matter == matter } ?? place
            world.append(
                ChainedAct(
                    matter: matter, number: world.acts[last].number + 1, previous: world.extract.lines[last].leaf,
                    instant: world.acts[0].instant + Int64(dice.below(3600)) * 1000, body: Array("long ago".utf8)),
                salt: dice.salt())
        case .editCheckpoint:
            let chosen = dice.below(world.own.count)
            let old = world.own[chosen]
            let text = old.text.replacingDigit(dice.below(3))
            world.own[chosen] =
                SignedCheckpoint(text: text) ?? world.sign(Int(old.checkpoint.size), [LedgerWorld.stranger])
        }
    }

    private func cut(_ world: inout LedgerWorld, to size: Int) {
        world.extract.lines.removeSubrange(size...)
        world.acts.removeSubrange(size...)
        world.own.removeAll { Int($0.checkpoint.size) > size }
    }

    /// A well-formed act in the place of another, with a right leaf of its own.
    private static func forged(_ world: LedgerWorld, _ place: Int, _ dice: inout Dice) -> (
        leaf: [UInt8], content: (salt: [UInt8], canonical: [UInt8])?
    ) {
        let old = world.acts[place]
        let act = ChainedAct(
            matter: old.matter, number: old.number, previous: old.previous, instant: old.instant,
            body: Array("forged \(dice.next())".utf8))
        let salt = dice.salt()
        return (act.leaf(salt: salt, world.extract.hash), (salt, act.canonical))
    }

    /// History from `place` on anew with right chains and leaves, all own checkpoints signed anew.
    private static func rewrite(_ world: inout LedgerWorld, from place: Int, keys: [SigningKey], _ dice: inout Dice) {
        let old = world
        world.extract.lines.removeAll()
        world.acts.removeAll()
        var tails: [String: [UInt8]] = [:]
        for (index, act) in old.acts.enumerated() {
            let salt = old.extract.lines[index].content?.salt ?? dice.salt()
            tails[act.matter] = world.append(
                ChainedAct(
                    matter: act.matter, number: act.number, previous: tails[act.matter] ?? ChainedAct.noLeaf,
                    instant: act.instant, body: index == place ? Array("rewritten".utf8) : act.body), salt: salt)
        }
        world.own = old.own.map { world.sign(Int($0.checkpoint.size), keys, newKey: keys.last?.verifier) }
    }
}

extension String {
    /// The text with the first digit of one of its first lines (size, root, time) another.
    fileprivate func replacingDigit(_ turn: Int) -> String {
        var lines = split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let line = 1 + turn
        guard let place = lines[line].firstIndex(where: \.isNumber) else { return self }
        let digit = lines[line][place] == "7" ? "8" : "7"
        lines[line].replaceSubrange(place...place, with: digit)
        return lines.joined(separator: "\n")
    }
}
