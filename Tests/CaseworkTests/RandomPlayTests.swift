import Claims
import Rules
import Testing

@testable import Casework

/// Random lawful and unlawful play over every procedure (随机演练).
struct RandomPlayTests {
    static let ids = Golden.shipped?.procedures.map(\.id) ?? []

    @Test(arguments: ids) func invariantsHold(id: String) throws {
        let library = try #require(Golden.shipped)
        let procedure = try #require(library.procedure(id))
        var done = 0
        for seed: UInt64 in 1...6 {
            let play = RandomPlay.play(procedure, in: library, seed: seed, moves: 90)
            #expect(play.broken == [], "seed \(seed) of \(id), as a script:\n\(play.script)")
            done += play.done
        }
        #expect(done > 20, "the play of \(id) hardly moves")
    }

    @Test func primitivesHold() throws {
        let library = try #require(Golden.primitives)
        for procedure in library.procedures {
            for seed: UInt64 in 1...10 {
                let play = RandomPlay.play(procedure, in: library, seed: seed, moves: 90)
                #expect(play.broken == [], "seed \(seed) of \(procedure.id), as a script:\n\(play.script)")
            }
        }
    }

    /// What a seed played, played again as the script it wrote, gives the same acts.
    @Test func playIsItsScript() throws {
        let library = try #require(Golden.shipped)
        for id in ["clue", "recovery", "superior_list", "findings"] {
            let procedure = try #require(library.procedure(id))
            let play = RandomPlay.play(procedure, in: library, seed: 3, moves: 60)
            let again = ScriptRun.play(play.script, of: procedure, in: library)
            for (matter, played) in play.docket.matters {
                #expect(again.docket.matters[matter]?.acts.map(\.what) == played.acts.map(\.what), "\(id) \(matter)")
                #expect(again.docket.matters[matter]?.states == played.states, "\(id) \(matter)")
            }
        }
    }

    /// The invariants see what is wrong: acts tampered with are noticed.
    @Test func tamperedActsAreNoticed() throws {
        let library = try #require(Golden.shipped)
        let procedure = try #require(library.procedure("recovery"))
        let example = try #require(procedure.cases.first)
        let matter = try #require(ScriptRun.play(example.script, of: procedure, in: library).docket.matters["M1"])
        #expect(Invariants.broken(in: matter, library.roles) == [])
        // That the last act is missing only a ledger with checkpoints can know.
        for index in matter.acts.indices.dropFirst().dropLast() {
            var acts = matter.acts
            acts.remove(at: index)
            let shorter = Matter(id: "M1", procedure: procedure, acts: acts)
            #expect(
                Invariants.broken(in: shorter, library.roles) != [], "act \(index + 1) is missing and nobody sees it")
        }
        var acts = matter.acts
        let posted = try #require(
            acts.firstIndex { $0.events.contains { if case .posted = $0 { true } else { false } } })
        let act = acts[posted]
        acts[posted] = Act(
            number: act.number, actor: act.actor, effective: act.effective, recorded: act.recorded, what: act.what,
            item: act.item,
            events: act.events.map {
                if case .posted(let from, let to, let item, _) = $0 {
                    .posted(from: from, to: to, item: item, parts: ["统筹/379900": 1])
                } else {
                    $0
                }
            })
        #expect(Invariants.broken(in: Matter(id: "M1", procedure: procedure, acts: acts), library.roles) != [])
    }

    /// A decision that no person led to is noticed.
    @Test func machineDecisionsAreNoticed() throws {
        let library = try #require(Golden.shipped)
        let procedure = try #require(library.procedure("superior_list"))
        let day = try #require(Day("2026-03-02"))
        let opened = Act(
            number: 1, actor: Docket.machine, effective: day, recorded: Instant(day), what: "open", item: "",
            events: [
                .moved(track: "main", item: "", from: nil, to: "received"),
                .itemAdded(kind: "row", key: "R1", parent: nil),
                .moved(track: "row", item: "R1", from: nil, to: "open"),
            ])
        let decided = Act(
            number: 2, actor: Docket.machine, effective: day, recorded: Instant(day), what: "answer", item: "R1",
            events: [.moved(track: "row", item: "R1", from: "open", to: "established")])
        let fine = Matter(id: "M1", procedure: procedure, acts: [opened])
        #expect(Invariants.broken(in: fine, library.roles) == [])
        let wrong = Matter(id: "M1", procedure: procedure, acts: [opened, decided])
        #expect(Invariants.broken(in: wrong, library.roles).contains { $0.contains("machine alone") })
    }
}
