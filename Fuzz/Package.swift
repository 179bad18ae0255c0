// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the normal build neither compiles nor instruments any of this. Its module folders are
// links to ../Sources: code that is `package` to the house is `package` here too.
let package = Package(
    name: "yijian-fuzz",
    targets: [
        .target(name: "CKernels"),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto"),
        .target(name: "Columns", dependencies: ["CKernels", "CCrypto"]),
        .target(name: "Claims", dependencies: ["Columns"]),
        .target(name: "CFuzzer"),
        .executableTarget(name: "yijian-fuzz", dependencies: ["CFuzzer", "Columns", "Claims"]),
    ],
    swiftLanguageModes: [.v6]
)
