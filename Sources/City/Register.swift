/// The tables of the city-year while they are written (登记).
///
/// It gives every row its number and its identifier.
final class Register {
    let persons: TextFile
    let entitlements: TextFile
    let encounters: TextFile
    let diagnoses: TextFile
    let operations: TextFile
    let prescriptions: TextFile
    let lines: TextFile
    let settlements: TextFile
    let scans: TextFile
    let stock: TextFile
    let truth: TextFile
    let folder: String
    let year: Int

    private(set) var lineCount = 0
    private(set) var encounterCount = 0
    private var settlementCount = 0
    private var diagnosisCount = 0
    private var operationCount = 0
    private var prescriptionCount = 0

    init(folder: String, year: Int) throws(CityError) {
        self.folder = folder
        self.year = year
        persons = try TextFile(folder: folder, name: "person.csv", header: "id,sex,birth,death,insurance,home_area")
        entitlements = try TextFile(folder: folder, name: "entitlement.csv", header: "person,insurance,from,to")
        encounters = try TextFile(
            folder: folder, name: "mdtrt_d.csv",
            header: "mdtrt_id,psn_no,gend,brdy,insutype,insu_admdvs,fixmedins_code,fixmedins_name,hosp_lv,"
                + "fix_blng_admdvs,med_type,begntime,endtime,inhosp_stas,ipt_days,dscg_dept_codg,dscg_dept_name,"
                + "wardarea_bed,chfpdr_code,dscg_maindiag_code,dscg_maindiag_name,dscg_way,vali_flag,poolarea_no")
        diagnoses = try TextFile(
            folder: folder, name: "setl_list_diag_d.csv",
            header: "setl_list_diag_id,mdtrt_id,psn_no,diag_type,maindiag_flag,diag_code,diag_name,vali_flag")
        operations = try TextFile(
            folder: folder, name: "setl_list_oprn_d.csv",
            header: "setl_list_oprn_id,mdtrt_id,psn_no,main_oprn_flag,oprn_oprt_name,oprn_oprt_code,oprn_oprt_date,"
                + "anst_way,oper_dr_code,oprn_oprt_begntime,oprn_oprt_endtime,vali_flag")
        prescriptions = try TextFile(
            folder: folder, name: "prescription.csv", header: "id,encounter,practitioner,institution,time,circulated")
        lines = try TextFile(
            folder: folder, name: "fee_list_d.csv",
            header: "bkkp_sn,mdtrt_id,setl_id,psn_no,fixmedins_code,insu_admdvs,med_type,fee_ocur_time,cnt,pric,"
                + "det_item_fee_sumamt,inscp_amt,hilist_code,hilist_name,rx_drord_no,bilg_dept_codg,bilg_dr_code,"
                + "opter_id,prd_days,init_feedetl_sn,comb_no,rx_circ_flag,vali_flag,poolarea_no")
        settlements = try TextFile(
            folder: folder, name: "setl_d.csv",
            header: "setl_id,mdtrt_id,init_setl_id,psn_no,gend,brdy,insutype,insu_admdvs,fixmedins_code,hosp_lv,"
                + "fix_blng_admdvs,begndate,enddate,setl_time,med_type,setl_type,clr_way,medfee_sumamt,inscp_amt,"
                + "act_pay_dedc,hifp_pay,cvlserv_pay,hifmi_pay,maf_pay,othfund_pay,fund_pay_sumamt,acct_pay,"
                + "cash_payamt,refd_setl_flag,mid_setl_flag,year,vali_flag,poolarea_no")
        scans = try TextFile(
            folder: folder, name: "scan.csv", header: "id,trace,institution,item,time,kind,person,line,split")
        stock = try TextFile(folder: folder, name: "stock.csv", header: "id,institution,item,day,kind,quantity")
        truth = try TextFile(folder: folder, name: "truth.csv", header: "story,rule,kind,keys,expected,note")
    }

    var files: [TextFile] {
        [
            persons, entitlements, encounters, diagnoses, operations, prescriptions, lines, settlements, scans, stock,
            truth,
        ]
    }

    /// What a written visit is called, so that a story can point at it.
    struct Written {
        let encounter: Int
        let firstLine: Int
    }

    // MARK: names of rows

    func lineIdentifier(_ number: Int) -> String { String(year) + Register.padded(number, 11) }

    func encounterIdentifier(_ number: Int) -> String { "3799\(year)" + Register.padded(number, 10) }

    static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    func addLineIdentifier(_ number: Int, to file: TextFile) {
        file.add(year, digits: 4)
        file.add(number, digits: 11)
    }

    func addEncounterIdentifier(_ number: Int, to file: TextFile) {
        file.add(3799, digits: 4)
        file.add(year, digits: 4)
        file.add(number, digits: 10)
    }

    private func addSettlementIdentifier(_ number: Int, to file: TextFile) {
        file.add(UInt8(ascii: "S"))
        file.add(year, digits: 4)
        file.add(number, digits: 10)
    }

    private func addPrescriptionIdentifier(_ number: Int, to file: TextFile) {
        file.add(UInt8(ascii: "R"))
        file.add(year, digits: 4)
        file.add(number, digits: 10)
    }

    // MARK: rows

    func write(_ resident: Resident, identifier: [UInt8], calendar: CityCalendar) {
        persons.cell(identifier)
        persons.cell(resident.sex.rawValue)
        persons.cell(calendar.anyText(resident.birth))
        if let death = resident.death { persons.add(calendar.text(death)) }
        persons.comma()
        persons.cell(resident.insurance.rawValue)
        persons.add(resident.homeArea)
        persons.endRow()
        entitlements.cell(identifier)
        entitlements.cell(resident.insurance.rawValue)
        entitlements.cell(calendar.anyText(resident.entitledFrom ?? max(resident.birth, -3653)))
        if let last = resident.entitledTo { entitlements.add(calendar.text(last)) }
        entitlements.endRow()
    }

    static func addTime(_ day: Int, _ second: Int, calendar: CityCalendar, to file: TextFile) {
        file.add(calendar.text(day))
        file.add(UInt8(ascii: " "))
        file.add(second / 3600, digits: 2)
        file.add(UInt8(ascii: ":"))
        file.add(second / 60 % 60, digits: 2)
        file.add(UInt8(ascii: ":"))
        file.add(second % 60, digits: 2)
    }

    /// Writes the whole visit; `resident` pays from the personal account.
    func write(_ visit: Visit, resident: inout Resident, person: [UInt8], city: CityRun) -> Written {
        let encounter = encounterCount
        encounterCount += 1
        let firstLine = lineCount
        let firstSettlement = settlementCount
        settlementCount += visit.settlements.count
        let institution = city.town.institutions[visit.institution]
        let birth = city.calendar.anyText(resident.birth)
        writeEncounter(visit, encounter, institution, resident, person, birth, city)
        for (place, diagnosis) in visit.diagnoses.enumerated() {
            diagnoses.add(UInt8(ascii: "G"))
            diagnoses.add(diagnosisCount, digits: 10)
            diagnosisCount += 1
            diagnoses.comma()
            addEncounterIdentifier(encounter, to: diagnoses)
            diagnoses.comma()
            diagnoses.cell(person)
            diagnoses.cell(1)
            diagnoses.cell(place == 0 ? 1 : 0)
            diagnoses.cell(diagnosis.code)
            diagnoses.cell(diagnosis.name)
            diagnoses.add(UInt8(ascii: "1"))
            diagnoses.endRow()
        }
        writeOperations(visit, encounter, person, city)
        if let prescription = visit.prescription {
            addPrescriptionIdentifier(prescriptionCount, to: prescriptions)
            prescriptionCount += 1
            prescriptions.comma()
            addEncounterIdentifier(encounter, to: prescriptions)
            prescriptions.comma()
            prescriptions.cell(city.town.practitioners[prescription.practitioner].code)
            prescriptions.cell(city.town.institutions[prescription.institution].code)
            Register.addTime(visit.startDay, visit.startSecond, calendar: city.calendar, to: prescriptions)
            prescriptions.comma()
            prescriptions.add(prescription.circulated ? UInt8(ascii: "1") : UInt8(ascii: "0"))
            prescriptions.endRow()
        }
        var totals = Array(repeating: (total: 0, scope: 0), count: visit.settlements.count)
        for charge in visit.charges {
            let scope = charge.amount * city.catalogue.items[charge.item].scopePercent / 100
            if let place = charge.settlement {
                totals[place].total += charge.amount
                totals[place].scope += scope
            }
            writeLine(charge, scope, visit, encounter, firstLine, firstSettlement, institution, resident, person, city)
        }
        var splits: [FundSplit] = []
        for (place, settling) in visit.settlements.enumerated() {
            if let original = settling.reverses {
                splits.append(splits[original].reversed)
                resident.account += splits[original].account
            } else {
                splits.append(
                    FundSplit(
                        total: totals[place].total, inScope: totals[place].scope, setting: visit.setting,
                        level: institution.level, isAway: visit.isFar(city, resident), resident: &resident))
            }
            writeSettlement(
                settling, splits[place], visit, encounter, firstSettlement, place, institution, resident, person, birth,
                city)
        }
        return Written(encounter: encounter, firstLine: firstLine)
    }

    private func writeEncounter(
        _ visit: Visit, _ encounter: Int, _ institution: Institution, _ resident: Resident, _ person: [UInt8],
        _ birth: String, _ city: CityRun
    ) {
        let file = encounters
        addEncounterIdentifier(encounter, to: file)
        file.comma()
        file.cell(person)
        file.cell(resident.sex == .male ? 1 : 2)
        file.cell(birth)
        file.cell(visit.insurance ?? resident.insurance.rawValue)
        file.cell(resident.homeArea)
        file.cell(institution.code)
        file.cell(institution.name)
        file.cell(institution.nationalLevel)
        file.cell(institution.area)
        file.cell(visit.setting.medicalType)
        Register.addTime(visit.startDay, visit.startSecond, calendar: city.calendar, to: file)
        file.comma()
        if let end = visit.endDay { Register.addTime(end, visit.endSecond, calendar: city.calendar, to: file) }
        file.comma()
        file.cell(visit.endDay == nil ? 1 : 0)
        if visit.setting == .inpatient, let end = visit.endDay { file.add(max(1, end - visit.startDay)) }
        file.comma()
        if let department = visit.department {
            file.cell(city.town.departments[department].code)
            file.cell(city.town.departments[department].specialty.name)
        } else {
            file.comma()
            file.comma()
        }
        if let ward = visit.ward { file.add(city.town.wards[ward].code) }
        file.comma()
        if let practitioner = visit.practitioner { file.add(city.town.practitioners[practitioner].code) }
        file.comma()
        if let main = visit.diagnoses.first {
            file.cell(main.code)
            file.cell(main.name)
        } else {
            file.comma()
            file.comma()
        }
        if visit.setting == .inpatient, visit.endDay != nil { file.add(visit.died ? 5 : 1) }
        file.comma()
        file.cell(1)
        file.add(Town.cityArea)
        file.endRow()
    }

    private func writeOperations(_ visit: Visit, _ encounter: Int, _ person: [UInt8], _ city: CityRun) {
        for (place, operation) in visit.operations.enumerated() {
            operations.add(UInt8(ascii: "O"))
            operations.add(operationCount, digits: 10)
            operationCount += 1
            operations.comma()
            addEncounterIdentifier(encounter, to: operations)
            operations.comma()
            operations.cell(person)
            operations.cell(place == 0 ? 1 : 0)
            operations.cell(operation.name)
            operations.cell(operation.code)
            operations.cell(city.calendar.text(operation.day))
            operations.cell(operation.isGeneralAnaesthesia ? "1" : "2")
            operations.cell(city.town.practitioners[operation.surgeon].code)
            Register.addTime(operation.day, operation.second, calendar: city.calendar, to: operations)
            operations.comma()
            let end = operation.second + operation.minutes * 60
            Register.addTime(operation.day, end, calendar: city.calendar, to: operations)
            operations.comma()
            operations.add(UInt8(ascii: "1"))
            operations.endRow()
        }
    }

    private func writeLine(
        _ charge: Charge, _ scope: Int, _ visit: Visit, _ encounter: Int, _ firstLine: Int, _ firstSettlement: Int,
        _ institution: Institution, _ resident: Resident, _ person: [UInt8], _ city: CityRun
    ) {
        let file = lines
        let item = city.catalogue.items[charge.item]
        addLineIdentifier(lineCount, to: file)
        file.comma()
        addEncounterIdentifier(encounter, to: file)
        file.comma()
        if let place = charge.settlement { addSettlementIdentifier(firstSettlement + place, to: file) }
        file.comma()
        file.cell(person)
        file.cell(institution.code)
        file.cell(resident.homeArea)
        file.cell(visit.setting.medicalType)
        Register.addTime(charge.day, charge.second, calendar: city.calendar, to: file)
        file.comma()
        file.decimal(charge.quantity, scale: 2)
        file.comma()
        file.decimal(charge.price, scale: 4)
        file.comma()
        file.money(charge.amount)
        file.money(scope)
        file.cell(item.code)
        file.cell(item.name)
        if charge.isPrescribed { addPrescriptionIdentifier(prescriptionCount - 1, to: file) }
        file.comma()
        if let department = charge.department { file.add(city.town.departments[department].code) }
        file.comma()
        if let practitioner = charge.practitioner { file.add(city.town.practitioners[practitioner].code) }
        file.comma()
        if let till = charge.till {
            file.add(institution.code)
            file.add("-T")
            file.add(till + 1)
        }
        file.comma()
        if let days = charge.daysSupply { file.add(days) }
        file.comma()
        if let original = charge.reverses { addLineIdentifier(firstLine + original, to: file) }
        file.comma()
        if let operation = charge.operation {
            file.add(UInt8(ascii: "C"))
            file.add(encounter, digits: 10)
            file.add(operation, digits: 2)
        }
        file.comma()
        file.cell(charge.isPrescribed && visit.prescription?.circulated == true ? 1 : 0)
        file.cell(1)
        file.add(Town.cityArea)
        file.endRow()
        if visit.setting == .pharmacy { city.noteSale(charge, line: lineCount, visit: visit, person: person) }
        lineCount += 1
    }

    private func writeSettlement(
        _ settling: Settling, _ split: FundSplit, _ visit: Visit, _ encounter: Int, _ firstSettlement: Int,
        _ place: Int,
        _ institution: Institution, _ resident: Resident, _ person: [UInt8], _ birth: String, _ city: CityRun
    ) {
        let file = settlements
        addSettlementIdentifier(firstSettlement + place, to: file)
        file.comma()
        addEncounterIdentifier(encounter, to: file)
        file.comma()
        if let original = settling.reverses { addSettlementIdentifier(firstSettlement + original, to: file) }
        file.comma()
        file.cell(person)
        file.cell(resident.sex == .male ? 1 : 2)
        file.cell(birth)
        file.cell(visit.insurance ?? resident.insurance.rawValue)
        file.cell(resident.homeArea)
        file.cell(institution.code)
        file.cell(institution.nationalLevel)
        file.cell(institution.area)
        file.cell(city.calendar.text(visit.startDay))
        file.cell(city.calendar.text(visit.endDay ?? settling.day))
        Register.addTime(settling.day, settling.second, calendar: city.calendar, to: file)
        file.comma()
        file.cell(visit.setting.medicalType)
        file.cell(2)
        file.cell(1)
        file.money(split.total)
        file.money(split.inScope)
        file.money(split.deductible)
        file.money(split.basic)
        file.money(split.civil)
        file.money(split.large)
        file.money(split.assistance)
        file.money(split.otherFunds)
        file.money(split.funds)
        file.money(split.account)
        file.money(split.cash)
        file.cell(settling.reverses == nil ? 0 : 1)
        file.cell(settling.isInterim ? 1 : 0)
        file.cell(year)
        file.cell(1)
        file.add(Town.cityArea)
        file.endRow()
    }
}

extension Institution {
    /// `hosp_lv` of the national dictionary.
    var nationalLevel: String { ["11", "08", "05", "02"][level] }
}

extension Visit {
    /// Care in another city than the one that insures the person (异地就医).
    func isFar(_ city: CityRun, _ resident: Resident) -> Bool {
        city.town.institutions[institution].area.prefix(4) != resident.homeArea.prefix(4)
    }
}
