/// A parser and the name of its corpus folder.
struct FuzzedParser: Sendable {
    let name: String
    let parse: @Sendable (UnsafeRawBufferPointer) -> Void

    init(_ name: String, _ parse: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
        self.name = name
        self.parse = parse
    }
}

/// The parser of this process; libFuzzer's callback is a C function and cannot carry it. Set once, before the first input.
nonisolated(unsafe) var parse: (UnsafeRawBufferPointer) -> Void = { _ in }
