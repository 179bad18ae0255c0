/// The kinds of file operations a writer performs.
package enum DiskOperation: String, Sendable, CaseIterable {
    case create, write, sync, rename, makeDirectory, syncDirectory, remove
}
