/// Why a message is not taken (接口错误). Answered with HTTP 200, `infcode` -1 and these words in `err_msg`, as the
/// national interface does; the code in brackets is ours and is documented in `docs/interface.md`.
package enum InterfaceError: Error, Equatable {
    case malformed(JSONTape.Failure)
    case notAnEnvelope, noTransaction, noInput, noInstitution
    case unknownTransaction(String)
    case unknownInstitution(String)
    case badSignature(String)
    case cannotDecipher
    case nothingToReview
    case missing(String)
    /// An upload whose business key was used with other content.
    case contradiction(String)
    /// The institution named inside is not the one that sends.
    case otherInstitution(String)
    /// What the door refuses, in its own words and with its own code.
    case refused(code: String, sentence: String)
    case notRecorded
    case busy
    case tooLarge(Int)
    case upstream(String)

    package var code: String {
        switch self {
        case .malformed: "WEB101"
        case .notAnEnvelope: "WEB102"
        case .noTransaction: "WEB103"
        case .noInput: "WEB104"
        case .noInstitution: "WEB105"
        case .unknownTransaction: "WEB106"
        case .unknownInstitution: "WEB107"
        case .badSignature: "WEB108"
        case .cannotDecipher: "WEB109"
        case .nothingToReview: "WEB110"
        case .missing: "WEB111"
        case .contradiction: "WEB112"
        case .otherInstitution: "WEB113"
        case .refused(let code, _): code
        case .notRecorded: "WEB120"
        case .busy: "WEB121"
        case .tooLarge: "WEB122"
        case .upstream: "WEB123"
        }
    }

    /// One sentence in Chinese for the person at the counter: what is wrong and what to do.
    package var sentence: String {
        switch self {
        case .malformed(let failure): Self.sentence(failure)
        case .notAnEnvelope: "报文应为一个 JSON 对象，请检查报文外层结构"
        case .noTransaction: "报文缺少交易编号 infno，请补充后重发"
        case .noInput: "报文缺少交易输入 input，请补充后重发"
        case .noInstitution: "定点医药机构编号 fixmedins_code 缺失或过长，请检查"
        case .unknownTransaction(let number): "本服务不受理交易 \(number.prefix(12))，请核对交易编号"
        case .unknownInstitution(let code): "机构 \(code.prefix(24)) 未登记接入，请联系医保经办机构开通"
        case .badSignature(let why): "签名验证未通过：\(why)"
        case .cannotDecipher: "交易输入无法解密，请核对加密方式与密钥"
        case .nothingToReview: "报文中没有可审核的就诊与医嘱（费用）信息"
        case .missing(let name): "报文缺少必要字段 \(name)，请补充后重发"
        case .contradiction(let key): "业务流水 \(key) 已上传且内容不同，未予覆盖；如需更正请先撤销原数据"
        case .otherInstitution(let code): "报文中的机构 \(code.prefix(24)) 与发送机构不一致"
        case .refused(_, let sentence): sentence
        case .notRecorded: "服务暂时无法留存报文，本次结果仅供参考，请稍后重发"
        case .busy: "服务繁忙，请稍后重发"
        case .tooLarge(let limit): "报文超过 \(limit >> 20) MiB 上限，请分批上传"
        case .upstream(let why): "上级平台暂不可用：\(why)"
        }
    }

    private static func sentence(_ failure: JSONTape.Failure) -> String {
        let place = "第 \(failure.offset + 1) 字节"
        return switch failure.reason {
        case .malformed: "报文不是合法的 JSON（\(place)），请检查格式"
        case .tooDeep: "报文嵌套过深（\(place)），请检查结构"
        case .tooMany: "报文项目过多，请分批上传"
        case .tooLong: "报文中有过长的文本（\(place)），请检查"
        case .repeatedName: "报文中同一对象的字段重复（\(place)），请检查"
        case .notUTF8: "报文不是 UTF-8 编码（\(place)），请改用 UTF-8"
        case .tooLarge: "报文超过大小上限，请分批上传"
        }
    }

    package var message: String { "\(sentence)[\(code)]" }
}
