import Casework
import Claims
import Supervision

/// Who there is: a province above, a city with its bureau, its agency and a county, the other departments, some hospitals. Nine
/// people at the bureau, eleven at the agency; several hold more than one role, as they do.
struct Cast {
    let desk: Desk
    private(set) var province = ""
    private(set) var city = ""
    private(set) var agency = ""
    private(set) var county = ""
    private(set) var countyAgency = ""
    private(set) var police = ""
    private(set) var procurator = ""
    private(set) var health = ""
    private(set) var hospitals: [String: String] = [:]

    static let fundSection = "基金监管科"
    static let auditSection = "稽核科"

    /// The city's division codes are invented; the county is one of its districts.
    init(_ desk: Desk, cityArea: String, countyArea: String, institutions: [Triage.Institution]) throws {
        self.desk = desk
        let door = desk.book.door
        let administrators = ["system_admin": "xitong", "security_admin": "anquan", "audit_admin": "shenji"]
        let made = try door.begin(
            root: "省医疗保障局", area: cityArea.prefix(2) + "0000", administrators: administrators)
        for (role, access) in made.sorted(by: { $0.key < $1.key }) {
            try desk.enter(administrators[role] ?? "", access, role: role)
        }
        province = try door.caller(of: try desk.token("xitong")).holdings.first?.organisation ?? ""
        func add(_ name: String, under parent: String, _ kind: String, _ area: String, code: String? = nil) throws
            -> String
        {
            try door.addOrganisation(
                name, under: parent, kind: kind, area: area, code: code, by: try desk.token("xitong"))
        }
        city = try add("云州市医疗保障局", under: province, "bureau", cityArea)
        agency = try add("云州市医疗保险中心", under: city, "agency", cityArea)
        county = try add("清河县医疗保障局", under: city, "bureau", countyArea)
        countyAgency = try add("清河县医疗保险中心", under: county, "agency", countyArea)
        police = try add("云州市公安局", under: province, "police", cityArea)
        procurator = try add("云州市人民检察院", under: province, "procurator", cityArea)
        health = try add("云州市卫生健康委员会", under: province, "health", cityArea)
        func person(_ name: String, _ roles: Set<String>, in organisation: String, _ section: String, _ title: String)
            throws
        {
            let access = try door.addAccount(name, title: title, by: try desk.token("xitong"))
            let post = try door.addPost(
                title, in: organisation, department: section, roles: roles, by: try desk.token("xitong"))
            try door.grant(post, to: access.account, basis: "任命", by: try desk.token("anquan"))
            try desk.enter(name, access, role: title)
        }
        try person("superior", ["superior"], in: province, "基金监管处", "省局清单管理岗")
        for (name, roles, title) in [
            ("li", ["officer"], "执法一岗"), ("sun", ["officer"], "执法二岗"), ("wang", ["section_head"], "科长"),
            ("zhao", ["head"], "局长"), ("tang", ["reviewer"], "法制岗"),
            ("bao", ["custodian", "clerk", "hearing_host"], "内勤岗"),
        ] as [(String, Set<String>, String)] {
            try person(name, roles, in: city, Self.fundSection, title)
        }
        for (name, roles, title) in [
            ("zhou", ["auditor"], "初审岗"), ("wu", ["auditor"], "稽核岗"), ("zheng", ["senior_auditor"], "复审岗"),
            ("chen", ["expert"], "评审专家一"), ("chu", ["expert"], "评审专家二"), ("wei", ["expert"], "评审专家三"),
            ("jiang", ["agency_head"], "中心主任"), ("shen", ["settlement_clerk"], "结算岗"), ("han", ["finance"], "财务岗"),
        ] as [(String, Set<String>, String)] {
            try person(name, roles, in: agency, Self.auditSection, title)
        }
        try person("qin", ["auditor"], in: countyAgency, Self.auditSection, "县初审岗")
        try person("xu", ["senior_auditor"], in: countyAgency, Self.auditSection, "县复审岗")
        try person("gong", ["police"], in: police, "经侦支队", "民警")
        try person("weijian", ["receiver"], in: health, "医政科", "医政科经办")
        for (number, institution) in institutions.enumerated() {
            let id = try add(
                institution.name.isEmpty ? institution.code : institution.name, under: province, "institution",
                cityArea, code: institution.code)
            let name = "yiyuan\(number + 1)"
            try person(name, ["institution"], in: id, "医保办", "医保办主任")
            hospitals[institution.code] = name
        }
    }
}
