import Claims

/// From findings to matters (疑点分流): what is new, what is known already, who gets it, and what comes first.
///
/// A finding is the same as an earlier one when it names the same institution, the same theme and the same lines. One
/// that was dropped stays dropped unless its evidence differs; one that is being worked on is not opened twice.
package struct Triage: Sendable {
    /// One row that a finding flags, copied by value: the dataset it came from is made anew, the matter stays.
    package struct Line: Sendable {
        package let id: String
        /// What kind of row it is: 费用明细, 就诊 …
        package let kind: String
        /// What was charged, in words.
        package let content: String
        /// Gross yuan at stake, in fen; nil is unknown.
        package let stake: Int64?

        package init(id: String, kind: String = "费用明细", content: String = "", stake: Int64? = nil) {
            self.id = id
            self.kind = kind
            self.content = content
            self.stake = stake
        }
    }

    /// Who was found with it, as statistics count institutions.
    package struct Institution: Sendable, Hashable {
        package let code: String
        package let name: String
        /// Choices of `institution_kind`, `institution_level`, `ownership` in `procedures/common.yaml`; nil is unknown.
        package let kind: String?
        package let level: String?
        package let ownership: String?

        package init(
            code: String, name: String = "", kind: String? = nil, level: String? = nil, ownership: String? = nil
        ) {
            self.code = code
            self.name = name
            self.kind = kind
            self.level = level
            self.ownership = ownership
        }
    }

    package struct Finding: Sendable {
        package let id: String
        /// What was found, whichever run found it: the group key of its rule. Backtests know reviews by it.
        package let key: String
        package let theme: String
        package let rule: String
        package let outcome: String
        package let grade: Int
        /// One sentence in Chinese.
        package let statement: String
        package let institution: Institution
        /// `yyyy-mm`.
        package let period: String
        package let careArea: String
        package let homeArea: String
        /// Whether only the insured person is at fault: then the area of insurance is in charge (参保地管辖).
        package let isPersonsFault: Bool
        package let lines: [Line]
        package let gross: Int64
        /// By fund and pool, in fen; empty: not known.
        package let loss: [String: Int64]
        /// A digest of the evidence that judged it.
        package let evidence: String

        package init(
            id: String, key: String = "", theme: String, rule: String, outcome: String, grade: Int,
            statement: String = "", institution: Institution, period: String, careArea: String, homeArea: String,
            isPersonsFault: Bool, lines: [Line], gross: Int64, loss: [String: Int64], evidence: String
        ) {
            self.id = id
            self.key = key
            self.theme = theme
            self.rule = rule
            self.outcome = outcome
            self.grade = grade
            self.statement = statement
            self.institution = institution
            self.period = period
            self.careArea = careArea
            self.homeArea = homeArea
            self.isPersonsFault = isPersonsFault
            self.lines = lines
            self.gross = gross
            self.loss = loss
            self.evidence = evidence
        }

        package var identity: Identity {
            Identity(institution: institution.code, theme: theme, lines: Set(lines.map(\.id)))
        }
        package var area: String { isPersonsFault ? homeArea : careArea }
    }

    package struct Identity: Hashable, Sendable {
        package let institution: String
        package let theme: String
        package let lines: Set<String>
        package init(institution: String, theme: String, lines: Set<String>) {
            self.institution = institution
            self.theme = theme
            self.lines = lines
        }
    }

    /// What became of a finding before.
    package struct Earlier: Sendable {
        package enum Fate: String, Sendable { case open, confirmed, dropped }
        package let matter: String
        package let fate: Fate
        package let evidence: String
        package init(matter: String, fate: Fate, evidence: String) {
            self.matter = matter
            self.fate = fate
            self.evidence = evidence
        }
    }

    /// One matter to be opened: an institution's settlement period, in the hands of one area.
    package struct Batch: Sendable {
        package let institution: Institution
        package let period: String
        package let area: String
        /// Grade first, then money, then identifier: the order in which they are reviewed.
        package let findings: [Finding]
        package let loss: Int64
        package let rank: Int
    }

    package enum Skipped: Sendable, Equatable {
        case repeated(of: String)
        case open(in: String)
        case confirmed(in: String)
        case dropped(in: String)
    }

    package let batches: [Batch]
    package let skipped: [(finding: String, why: Skipped)]

    /// findings = findings in batches + skipped, always. The order of the findings does not matter.
    package init(_ findings: [Finding], earlier: [Identity: [Earlier]]) {
        var skipped: [(finding: String, why: Skipped)] = []
        var seen: [Identity: String] = [:]
        var groups: [[String]: [Finding]] = [:]
        for finding in findings.sorted(by: { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }) {
            let identity = finding.identity
            if let twin = seen[identity] {
                skipped.append((finding.id, .repeated(of: twin)))
                continue
            }
            if let why = Self.known(finding, earlier[identity] ?? []) {
                skipped.append((finding.id, why))
                continue
            }
            seen[identity] = finding.id
            groups[[finding.institution.code, finding.period, finding.area], default: []].append(finding)
        }
        // How often an institution is found with a theme tells more than one finding does.
        var repetition: [[String]: Int] = [:]
        for finding in findings { repetition[[finding.institution.code, finding.theme], default: 0] += 1 }
        batches = groups.map { key, members in
            let sorted = members.sorted { ($0.grade, $0.gross, $1.id) > ($1.grade, $1.gross, $0.id) }
            let loss = members.reduce(Int64(0)) { sum, finding in
                finding.loss.values.reduce(sum) { $0.addingReportingOverflow($1).partialValue }
            }
            let worst = members.map(\.grade).max() ?? 0
            let often = members.map { repetition[[$0.institution.code, $0.theme]] ?? 0 }.max() ?? 0
            // Grade first, then money by powers of ten, then repetition.
            let rank = worst * 10_000 + min(99, String(max(0, loss)).count) * 100 + min(99, often)
            return Batch(
                institution: sorted[0].institution, period: key[1], area: key[2], findings: sorted, loss: loss,
                rank: rank)
        }
        .sorted {
            ($1.rank, $0.institution.code, $0.period, $0.area) < ($0.rank, $1.institution.code, $1.period, $1.area)
        }
        self.skipped = skipped
    }

    private static func known(_ finding: Finding, _ earlier: [Earlier]) -> Skipped? {
        for before in earlier {
            switch before.fate {
            case .open: return .open(in: before.matter)
            case .confirmed: return .confirmed(in: before.matter)
            case .dropped where before.evidence == finding.evidence: return .dropped(in: before.matter)
            case .dropped: continue
            }
        }
        return nil
    }
}

/// How often a rule was right, as reviewers and institutions decided, with its interval (规则准确率).
///
/// Wilson's interval at 95 %: honest for few findings and for shares near none or all. Undecided findings do not count.
package struct RulePrecision: Sendable, Equatable {
    package let confirmed: Int
    package let dropped: Int

    package init(confirmed: Int, dropped: Int) {
        self.confirmed = confirmed
        self.dropped = dropped
    }

    package var decided: Int { confirmed + dropped }

    /// nil: nothing was decided yet.
    package var share: Double? { decided > 0 ? Double(confirmed) / Double(decided) : nil }

    package var interval: ClosedRange<Double>? {
        guard let share else { return nil }
        let z = 1.959_963_984_540_054
        let n = Double(decided)
        let middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        return max(0, middle - half)...min(1, middle + half)
    }
}
