/// The canonical schema of claims (医保结算数据的规范模型): every table and field, declared once.
///
/// The Arrow layout on disk, the names that rules may use, the fields a mapping file may fill and
/// `docs/data-dictionary.md` are all derived from this declaration. An absent field is unknown, never zero.
package enum Schema {}

/// How one field is stored and what its values mean.
package enum FieldKind: Sendable, Equatable {
    /// A unique identifier of a row (plain UTF-8 on disk).
    case identifier
    /// Free text that no rule computes with (plain UTF-8).
    case text
    /// A value from a code system or a small vocabulary (dictionary-encoded UTF-8).
    case code(CodeSystem)
    /// The row number, inside the same segment, of a row of another claims table (int32).
    case row(Table)
    /// A calendar day in China Standard Time (date32).
    case day
    /// The second of the day, 0…86,399, in China Standard Time (time32[s]); null when only the day is known.
    case second
    /// An exact decimal (decimal64(18, scale)).
    case decimal(scale: Int)
    /// A whole number (int32).
    case integer
    /// True or false (bool).
    case flag
}

/// The vocabulary that a code field draws from. It decides which dimension table describes the code.
package enum CodeSystem: String, Sendable, CaseIterable {
    case person, institution, department, ward, practitioner, item
    case diagnosis, procedure, area, insurance, setting
    case sex, certificate, institutionKind, ownership, group, itemKind, ingredient, itemClass, unit
    case fund, paymentMethod, caseGroup, settlementKind, stockKind, scanKind, bodySite, frequency, till
    case trace, batch, flagText, other
}

package struct Field: Sendable {
    package let name: String
    package let kind: FieldKind
    /// Chinese term (中文名).
    package let chinese: String
    /// The field of the national standard it corresponds to, as `table.field` or a bare name; empty when there is none.
    package let national: String
    /// One sentence: meaning, unit, what null means when it is not obvious.
    package let note: String

    package init(_ name: String, _ kind: FieldKind, _ chinese: String, national: String = "", _ note: String = "") {
        self.name = name
        self.kind = kind
        self.chinese = chinese
        self.national = national
        self.note = note
    }
}

/// The tables of the canonical model.
package enum Table: String, Sendable, CaseIterable, Codable {
    // Claims: one block holds the whole timelines of the same persons in each of these.
    case person, entitlement, encounter, diagnosis, operation, prescription, line, settlement
    // Movements: rows that belong to an institution or a package, not to a timeline.
    case stock, scan
    // Master data: small, one file per generation, described by their code.
    case institution, agreement, department, ward, practitioner, eligibility, item

    package enum Role: Sendable { case timeline, movement, master }

    package var role: Role {
        switch self {
        case .person, .entitlement, .encounter, .diagnosis, .operation, .prescription, .line, .settlement: .timeline
        case .stock, .scan: .movement
        case .institution, .agreement, .department, .ward, .practitioner, .eligibility, .item: .master
        }
    }

    package var fields: [Field] { Schema.fieldsInOrder[Int(ordinal)] }

    /// The place among all cases: an enumeration without payload is the byte that says so.
    private var ordinal: UInt8 { unsafeBitCast(self, to: UInt8.self) }

    /// By place: a table is looked up for every row somewhere, and hashing its name would be felt.
    package func hash(into hasher: inout Hasher) { hasher.combine(ordinal) }

    package func index(of name: String) -> Int? { fields.firstIndex { $0.name == name } }

    /// The field that names a row of this table to a person: unique in the dataset.
    package var identifier: String? {
        switch self {
        case .person, .encounter, .operation, .prescription, .line, .settlement, .stock, .scan: "id"
        case .institution, .department, .ward, .practitioner, .item: "code"
        case .entitlement, .diagnosis, .agreement, .eligibility: nil
        }
    }
}

extension Schema {
    /// Scales of decimals, as in the national standard: quantity `numeric(16,4)`, price `numeric(16,6)`, money in fen.
    package static let quantityScale = 4
    package static let priceScale = 6
    package static let moneyScale = 2

    private static let money = FieldKind.decimal(scale: moneyScale)
    private static let quantity = FieldKind.decimal(scale: quantityScale)
    private static let price = FieldKind.decimal(scale: priceScale)

    fileprivate static let fieldsInOrder = Table.allCases.map { fields[$0] ?? [] }

    package static let fields: [Table: [Field]] = [
        .person: [
            Field(
                "id", .identifier, "人员假名", national: "psn_no", "Keyed pseudonym; timelines are ordered by its bytes."),
            Field("sex", .code(.sex), "性别", national: "gend", "`M` or `F`."),
            Field("birth", .day, "出生日期", national: "brdy"),
            Field("death", .day, "死亡日期", national: "die_date", "Null: not known to be dead."),
            Field("insurance", .code(.insurance), "险种", national: "insutype", "310 employee, 390 resident …"),
            Field("home_area", .code(.area), "参保地", national: "insu_admdvs", "Six-digit division."),
        ],
        .entitlement: [
            Field("person", .row(.person), "人员"),
            Field("insurance", .code(.insurance), "险种", national: "insutype"),
            Field("from", .day, "待遇开始", national: "begndate"),
            Field("to", .day, "待遇结束", national: "enddate", "Null: still running."),
        ],
        .encounter: [
            Field("id", .identifier, "就诊号", national: "mdtrt_d.mdtrt_id"),
            Field("person", .row(.person), "人员", national: "mdtrt_d.psn_no"),
            Field("institution", .code(.institution), "定点机构", national: "mdtrt_d.fixmedins_code"),
            Field(
                "setting", .code(.setting), "就医方式", national: "mdtrt_d.med_type",
                "outpatient, emergency, inpatient, pharmacy, internet, chronic, long-term-care."),
            Field("insurance", .code(.insurance), "险种", national: "mdtrt_d.insutype"),
            Field("start_day", .day, "开始日期", national: "mdtrt_d.begntime"),
            Field("start_second", .second, "开始时刻", national: "mdtrt_d.begntime"),
            Field("end_day", .day, "结束日期", national: "mdtrt_d.endtime", "Null: open stay."),
            Field("end_second", .second, "结束时刻", national: "mdtrt_d.endtime"),
            Field("department", .code(.department), "科室", national: "mdtrt_d.dscg_dept_codg"),
            Field("ward", .code(.ward), "病区", national: "mdtrt_d.wardarea_bed"),
            Field("practitioner", .code(.practitioner), "主诊医师", national: "mdtrt_d.chfpdr_code"),
            Field("diagnosis", .code(.diagnosis), "主要诊断", national: "mdtrt_d.dscg_maindiag_code"),
            Field("home_area", .code(.area), "参保地", national: "mdtrt_d.insu_admdvs"),
            Field("care_area", .code(.area), "就医地", national: "mdtrt_d.fix_blng_admdvs"),
            Field("care_level", .integer, "长护等级", "Assessed level of long-term care."),
        ],
        .diagnosis: [
            Field("encounter", .row(.encounter), "就诊", national: "setl_list_diag_d.mdtrt_id"),
            Field("sequence", .integer, "序号", "1 is the main diagnosis."),
            Field("code", .code(.diagnosis), "诊断代码", national: "setl_list_diag_d.diag_code"),
            Field("kind", .code(.other), "诊断类别", national: "setl_list_diag_d.diag_type"),
        ],
        .operation: [
            Field("id", .identifier, "手术记录号", national: "setl_list_oprn_d.setl_list_oprn_id"),
            Field("encounter", .row(.encounter), "就诊", national: "setl_list_oprn_d.mdtrt_id"),
            Field("code", .code(.procedure), "手术操作代码", national: "setl_list_oprn_d.oprn_oprt_code"),
            Field("day", .day, "手术日期", national: "setl_list_oprn_d.oprn_oprt_date"),
            Field("second", .second, "手术开始时刻", national: "setl_list_oprn_d.oprn_oprt_begntime"),
            Field("minutes", .integer, "手术时长", "Minutes from begin to end."),
            Field("practitioner", .code(.practitioner), "术者", national: "setl_list_oprn_d.oper_dr_code"),
            Field("anaesthesia", .code(.other), "麻醉方式", national: "setl_list_oprn_d.anst_way"),
        ],
        .prescription: [
            Field("id", .identifier, "处方号", national: "rx_id"),
            Field("encounter", .row(.encounter), "就诊", national: "mdtrt_id"),
            Field("practitioner", .code(.practitioner), "开方医师", national: "bilg_dr_code"),
            Field(
                "institution", .code(.institution), "开方机构",
                "The issuing institution; differs from the encounter's when circulated."),
            Field("day", .day, "开方日期", national: "drord_begn_date"),
            Field("second", .second, "开方时刻", national: "drord_begn_date"),
            Field("circulated", .flag, "外配处方", national: "rx_circ_flag"),
        ],
        .line: [
            Field("id", .identifier, "费用明细流水号", national: "fee_list_d.bkkp_sn"),
            Field("encounter", .row(.encounter), "就诊", national: "fee_list_d.mdtrt_id"),
            Field("item", .code(.item), "医保目录编码", national: "fee_list_d.hilist_code"),
            Field("day", .day, "费用日期", national: "fee_list_d.fee_ocur_time"),
            Field("second", .second, "费用时刻", national: "fee_list_d.fee_ocur_time"),
            Field("quantity", quantity, "数量", national: "fee_list_d.cnt"),
            Field("price", price, "单价", national: "fee_list_d.pric", "Yuan."),
            Field("amount", money, "金额", national: "fee_list_d.det_item_fee_sumamt", "Yuan."),
            Field("in_scope", money, "符合范围金额", national: "fee_list_d.inscp_amt", "Yuan."),
            Field("days_supply", .integer, "用药天数", national: "fee_list_d.prd_days"),
            Field(
                "reverses", .text, "冲销的明细", national: "fee_list_d.init_feedetl_sn",
                "`id` of the line that this row takes back."),
            Field("practitioner", .code(.practitioner), "开单医师", national: "fee_list_d.bilg_dr_code"),
            Field("department", .code(.department), "开单科室", national: "fee_list_d.bilg_dept_codg"),
            Field("till", .code(.till), "收费窗口或经办人", national: "fee_list_d.opter_id"),
            Field("body_site", .code(.bodySite), "部位"),
            Field("operation", .code(.other), "手术关联号", national: "fee_list_d.comb_no", "Links lines of one operation."),
            Field("prescription", .code(.other), "处方号", national: "fee_list_d.rx_drord_no"),
            Field("settlement", .code(.other), "结算号", national: "fee_list_d.setl_id"),
            Field("dose", quantity, "单次剂量", national: "fee_list_d.sin_dos_dscr"),
            Field("frequency", .code(.frequency), "使用频次", national: "fee_list_d.used_frqu_dscr"),
            Field("minutes", .integer, "服务分钟"),
        ],
        .settlement: [
            Field("id", .identifier, "结算号", national: "setl_d.setl_id"),
            Field("encounter", .row(.encounter), "就诊", national: "setl_d.mdtrt_id"),
            Field("day", .day, "结算日期", national: "setl_d.setl_time"),
            Field("second", .second, "结算时刻", national: "setl_d.setl_time"),
            Field("kind", .code(.settlementKind), "结算类别", national: "setl_d.setl_type"),
            Field("reverses", .text, "冲销的结算", national: "setl_d.init_setl_id"),
            Field("pool", .code(.area), "统筹区", national: "setl_d.poolarea_no"),
            Field("method", .code(.paymentMethod), "支付方式", national: "setl_d.clr_way"),
            Field("case_group", .code(.caseGroup), "DRG/DIP 病组"),
            Field("total", money, "总费用", national: "setl_d.medfee_sumamt"),
            Field("in_scope", money, "符合范围金额", national: "setl_d.inscp_amt"),
            Field("basic", money, "基本统筹", national: "setl_d.hifp_pay"),
            Field("large", money, "大额（大病）", national: "setl_d.hifmi_pay"),
            Field("assistance", money, "医疗救助", national: "setl_d.maf_pay"),
            Field("civil", money, "公务员补助", national: "setl_d.cvlserv_pay"),
            Field("long_term_care", money, "长护险"),
            Field("other_funds", money, "其他基金", national: "setl_d.othfund_pay"),
            Field("account", money, "个人账户", national: "setl_d.acct_pay"),
            Field("cash", money, "个人现金", national: "setl_d.cash_payamt"),
        ],
        .stock: [
            Field("id", .identifier, "进销存流水号", national: "fixmedins_bchno"),
            Field("institution", .code(.institution), "定点机构", national: "fixmedins_code"),
            Field("item", .code(.item), "医保目录编码", national: "med_list_codg"),
            Field("day", .day, "发生日期"),
            Field(
                "kind", .code(.stockKind), "类别", "opening, purchase, purchase-return, sale, sale-return, loss, closing."
            ),
            Field("quantity", quantity, "数量"),
        ],
        .scan: [
            Field("id", .identifier, "扫码流水号"),
            Field("trace", .code(.trace), "药品追溯码", national: "drug_trac_codg"),
            Field("institution", .code(.institution), "定点机构", national: "fixmedins_code"),
            Field("item", .code(.item), "医保目录编码", national: "med_list_codg"),
            Field("day", .day, "扫码日期"),
            Field("second", .second, "扫码时刻"),
            Field("kind", .code(.scanKind), "类别", "sale, return, purchase."),
            Field("person", .code(.person), "购药人假名", national: "psn_no"),
            Field("line", .code(.other), "费用明细流水号", "`id` of the settled line."),
            Field("split", .flag, "拆零", national: "trdn_flag"),
        ],
        .institution: [
            Field("code", .code(.institution), "定点机构代码", national: "fixmedins_code"),
            Field("name", .text, "名称", national: "fixmedins_name"),
            Field("kind", .code(.institutionKind), "机构类型", "hospital, clinic, pharmacy, care-assessor, care-provider."),
            Field("level", .integer, "等级", national: "hosp_lv", "0 ungraded, 1, 2, 3."),
            Field("ownership", .code(.ownership), "举办性质", "public, private."),
            Field("group", .code(.group), "医联体"),
            Field("area", .code(.area), "所在地", national: "fix_blng_admdvs"),
        ],
        .agreement: [
            Field("institution", .code(.institution), "定点机构"),
            Field("from", .day, "协议开始"),
            Field("to", .day, "协议结束", "Null: still running."),
        ],
        .department: [
            Field("code", .code(.department), "科室代码"),
            Field("institution", .code(.institution), "定点机构"),
            Field("name", .text, "名称"),
            Field("kind", .code(.other), "标准科室"),
        ],
        .ward: [
            Field("code", .code(.ward), "病区代码"),
            Field("institution", .code(.institution), "定点机构"),
            Field("name", .text, "名称"),
            Field("beds", .integer, "床位数"),
        ],
        .practitioner: [
            Field("code", .code(.practitioner), "医保医师代码"),
            Field("name", .text, "姓名"),
            Field("institution", .code(.institution), "执业机构"),
            Field("title", .code(.other), "职称"),
        ],
        .eligibility: [
            Field("practitioner", .code(.practitioner), "医保医师代码"),
            Field("from", .day, "支付资格开始"),
            Field("to", .day, "支付资格结束", "Null: still running."),
        ],
        .item: [
            Field("code", .code(.item), "医保目录编码"),
            Field("name", .text, "名称"),
            Field(
                "kind", .code(.itemKind), "目录类别",
                "western-drug, patent-drug, herb, service, consumable."),
            Field("ingredient", .code(.ingredient), "成分或类别"),
            Field("class", .code(.itemClass), "药理或项目分类"),
            Field("pack_size", quantity, "包装量"),
            Field("unit", .code(.unit), "计价单位"),
        ],
    ]
}
