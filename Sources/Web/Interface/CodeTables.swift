/// How one sender writes the codes that differ between provinces (码表差异); the national specification is the default.
package struct CodeTables: Sendable, Equatable {
    /// `med_mdtrt_type` of outpatient, inpatient and pharmacy visits.
    package var visitKinds: [String: String] = ["1": "outpatient", "2": "inpatient", "3": "pharmacy"]
    /// Values of `gend`.
    package var sexes: [String: String] = ["1": "M", "2": "F"]
    /// Heads of `med_type`: the longest that a value begins with counts.
    package var settings: [String: String] = CodeTables.nationalSettings

    package init() {}

    static let nationalSettings = [
        "11": "outpatient", "12": "outpatient", "13": "emergency", "14": "chronic", "21": "inpatient",
        "22": "inpatient", "23": "inpatient", "24": "inpatient", "28": "inpatient", "41": "pharmacy",
        "51": "outpatient", "52": "inpatient",
    ]

    /// 就医方式 by `med_type`, else by `med_mdtrt_type`; nil when neither says.
    package func setting(medType: String?, visitKind: String?) -> String? {
        if let medType {
            var head = Substring(medType)
            while !head.isEmpty {
                if let setting = settings[String(head)] { return setting }
                head = head.dropLast()
            }
        }
        return visitKind.flatMap { visitKinds[$0] }
    }
}
