/// Who pays a settlement, in fen (基金支付分割). The parts always add up to the total.
struct FundSplit: Equatable {
    var total = 0
    var inScope = 0
    var deductible = 0
    var basic = 0
    var large = 0
    var assistance = 0
    var civil = 0
    var otherFunds = 0
    var account = 0
    var cash = 0

    var funds: Int {
        let insurance: Int = basic + large
        return insurance + assistance + civil + otherFunds
    }

    var reversed: FundSplit {
        var turned = FundSplit()
        turned.total = -total
        turned.inScope = -inScope
        turned.deductible = -deductible
        turned.basic = -basic
        turned.large = -large
        turned.assistance = -assistance
        turned.civil = -civil
        turned.otherFunds = -otherFunds
        turned.account = -account
        turned.cash = -cash
        return turned
    }

    /// The city's benefit rules: a deductible, a share by level of institution and kind of insurance, then the
    /// further funds, the personal account and at last cash.
    init(total: Int, inScope: Int, setting: Setting, level: Int, isAway: Bool, resident: inout Resident) {
        self.total = total
        self.inScope = inScope
        if setting == .longTermCare {
            otherFunds = inScope * 80 / 100
            cash = total - otherFunds
            return
        }
        let isEmployee = resident.insurance == .employee
        var share: Int
        switch setting {
        case .inpatient:
            deductible = min(inScope, [30_000, 30_000, 50_000, 90_000][level])
            share = isEmployee ? [92, 92, 90, 86][level] : [85, 85, 75, 65][level]
        case .chronic, .internet:
            deductible = 0
            share = isEmployee ? 80 : 60
        case .pharmacy:
            deductible = min(inScope, 2_000)
            share = isEmployee ? 60 : 0
        case .outpatient, .emergency:
            deductible = min(inScope, isEmployee ? 3_000 : 1_000)
            share = isEmployee ? 60 : 50
        case .longTermCare:
            share = 0
        }
        if isAway { share = max(0, share - 10) }
        var left = inScope - deductible
        basic = left * share / 100
        left -= basic
        if setting == .inpatient, left > 1_500_000 {
            large = (left - 1_500_000) * 60 / 100
            left -= large
        }
        if resident.isCivilServant {
            civil = left * 50 / 100
            left -= civil
        }
        if resident.isPoor {
            assistance = left * 60 / 100
            left -= assistance
        }
        account = min(resident.account, total - funds)
        resident.account -= account
        cash = total - funds - account
    }

    init() {}
}
