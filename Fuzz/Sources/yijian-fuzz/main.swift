import CFuzzer
import Glibc

// yijian-fuzz PARSER [libFuzzer's flags and corpus folders]
//
// Hands every input of libFuzzer to one parser. A parser may refuse an input in any way it likes; it may not crash, hang
// or grow without bound.

let parsers: [FuzzedParser] =
    columnsParsers + claimsParsers + knowledgeParsers + ingestParsers + sheetParsers
    + wireParsers

let name = CommandLine.arguments.dropFirst().first ?? ""
guard let chosen = parsers.first(where: { $0.name == name }) else {
    print("yijian-fuzz: no parser '\(name)'; there are \(parsers.map(\.name).joined(separator: ", "))")
    exit(2)
}
parse = chosen.parse

// libFuzzer is to see its own flags only.
var arguments: [UnsafeMutablePointer<CChar>?] = [CommandLine.unsafeArgv[0]]
for index in 2..<max(2, Int(CommandLine.argc)) { arguments.append(CommandLine.unsafeArgv[index]) }
var count = CInt(arguments.count)
arguments.append(nil)
let status = arguments.withUnsafeMutableBufferPointer { buffer in
    var base = buffer.baseAddress
    return LLVMFuzzerRunDriver(&count, &base) { data, size in
        parse(UnsafeRawBufferPointer(start: data, count: size))
        return 0
    }
}
exit(status)
