import Foundation
import Testing
import Workshop

/// Shares with intervals that hold what they promise, and sums of what a version changes.
struct BacktestTests {
    /// Values of Clopper and Pearson's interval as tables print them.
    @Test(arguments: [
        (0.0, 10.0, 0.0, 0.3085), (5.0, 10.0, 0.1871, 0.8129), (10.0, 10.0, 0.6915, 1.0), (1.0, 20.0, 0.0013, 0.2487),
        (90.0, 100.0, 0.8238, 0.9510),
    ]) func exactIntervals(right: Double, reviewed: Double, low: Double, high: Double) {
        let interval = Proportion.exact(right: right, of: reviewed, confidence: 0.95)
        #expect(abs(interval.low - low) < 0.00006 && abs(interval.high - high) < 0.00006, "\(interval)")
    }

    /// Over many seeds, the interval from the sample that the backtest draws holds the true precision at least as often
    /// as it says.
    @Test(arguments: [(0.5, 0.9, 0.99, 60), (0.05, 0.2, 0.6, 40), (0.98, 0.99, 1.0, 30), (0.8, 0.8, 0.8, 100)])
    func intervalsCoverTheTruth(small: Double, middle: Double, large: Double, sample: Int) throws {
        var truth: [String: Bool] = [:]
        var hits: [Backtest.Hit] = []
        var state: UInt64 = 7
        func random() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) / Double(1 << 53)
        }
        for index in 0..<2_000 {
            let band = index % 10
            let (gross, share): (Int64, Double) =
                band < 6 ? (5_000, small) : band < 9 ? (50_000, middle) : (500_000, large)
            let key = "line:L\(index)"
            truth[key] = random() < share
            hits.append(
                Backtest.Hit(
                    key: key, outcome: "violation", institution: "H\(band)", month: "2025-01", person: "", gross: gross,
                    loss: 0))
        }
        let precision = Double(truth.values.count { $0 }) / 2_000
        let rounds = 400
        var covered = 0
        var mean = 0.0
        for seed in 0..<rounds {
            var backtest = Backtest(sample: sample, seed: UInt64(seed))
            for hit in hits { backtest.add(hit) }
            backtest.finish()
            let drawn = backtest.drawn()
            let reviewed = Dictionary(uniqueKeysWithValues: drawn.map { ($0.hit.key, truth[$0.hit.key] ?? false) })
            let found = try #require(backtest.quality(ReviewOutcomes(reviewed)).precision)
            if found.low <= precision, precision <= found.high { covered += 1 }
            mean += found.estimate / Double(rounds)
        }
        print("coverage at precision \(precision), sample \(sample): \(covered) of \(rounds), mean estimate \(mean)")
        // 95 % of 400 is 380; three standard errors of chance are 13.
        #expect(covered >= 367)
        #expect(abs(mean - precision) < 0.02)
    }

    private func hit(_ key: String, _ gross: Int64, _ month: String = "2025-03", _ outcome: String = "violation")
        -> Backtest.Hit
    {
        Backtest.Hit(
            key: key, outcome: outcome, institution: "H1", month: month, person: "p", gross: gross, loss: gross / 2)
    }

    @Test func gainedLostKeptAndChanged() {
        var backtest = Backtest(sample: 10, seed: 1)
        for former in [hit("a", 100), hit("b", 200), hit("c", 300)] { backtest.addFormer(former) }
        for now in [hit("a", 100), hit("c", 350), hit("d", 20_000, "2025-04")] { backtest.add(now) }
        backtest.finish()
        #expect(backtest.sums[.kept]?.findings == 1 && backtest.sums[.changed]?.gross == 350)
        #expect(backtest.sums[.lost] == backtest.months["2025-03"]?[.lost] && backtest.sums[.lost]?.gross == 200)
        #expect(backtest.months["2025-04"]?[.gained]?.gross == 20_000 && backtest.now.findings == 3)
        #expect(backtest.drawn().map(\.hit.key).sorted() == ["a", "b", "c", "d"])
        // Nothing reviewed, nothing claimed.
        let silent = backtest.quality(ReviewOutcomes([:]))
        #expect(silent.precision == nil && silent.recallMost == nil && silent.waiting == 3)
        // Everything reviewed: the share is known; the lost hit that was right bounds recall.
        let all = backtest.quality(ReviewOutcomes(["a": true, "c": true, "d": false, "b": true, "x": true]))
        #expect(all.precision.map { abs($0.estimate - 2.0 / 3) < 1e-9 && $0.low == $0.high } == true)
        #expect(all.missed == 1 && all.aside == 1)
        #expect(all.recallMost.map { abs($0 - 2.0 / 3) < 1e-9 } == true)
    }

    @Test func theSampleDoesNotDependOnOrder() {
        let hits = (0..<500).map { hit("k\($0)", Int64($0) * 500) }
        func keys(_ hits: [Backtest.Hit], _ seed: UInt64) -> [String] {
            var backtest = Backtest(sample: 40, seed: seed)
            for hit in hits { backtest.add(hit) }
            backtest.finish()
            return backtest.drawn().map(\.hit.key)
        }
        #expect(keys(hits, 1) == keys(hits.reversed(), 1))
        #expect(keys(hits, 1) != keys(hits, 2))
        #expect((38...46).contains(keys(hits, 1).count))
    }

    @Test func thePageEscapesAndDraws() {
        var backtest = Backtest(sample: 3, seed: 1)
        backtest.add(hit("<b>&", 100))
        backtest.finish()
        let html = BacktestPage(
            rule: "R<1>", name: "示例", version: "v", against: "无", dataset: "d", backtest: backtest, quality: nil
        ).html
        #expect(html.contains("R&lt;1&gt;") && html.contains("&lt;b&gt;&amp;") && !html.contains("<b>&"))
        #expect(html.contains("<svg") && html.contains("@page { size: A4"))
    }
}
