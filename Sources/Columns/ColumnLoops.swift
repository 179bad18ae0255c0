import CKernels

/// Loops over whole columns that the processor's wide instructions make several times quicker.
package enum ColumnLoops {
    /// How many rows more than it gets a list must have room for.
    package static let slack = 16

    /// Puts each row down in the list of every role that its code has, in order; a code below zero has none.
    ///
    /// Role b is bit b of `roles[code]`. Each of the lists has room for all rows and `slack` more; `counts` gets how long
    /// they are.
    package static func lists(
        byRoleOf codes: UnsafePointer<Int32>, count: Int, roles: UnsafePointer<UInt32>,
        into lists: UnsafeBufferPointer<UnsafeMutablePointer<Int32>?>, counts: UnsafeMutablePointer<Int>
    ) {
        yj_lists_by_role(codes, count, roles, lists.count, lists.baseAddress, counts)
    }

    /// `products[i] = a[i] × b[i]`, wrapping around; `products` may be `a` or `b`.
    package static func multiply(
        _ a: UnsafePointer<Int64>, _ b: UnsafePointer<Int64>, into products: UnsafeMutablePointer<Int64>, count: Int
    ) {
        yj_multiply_i64(products, a, b, count)
    }

    /// `products[i] = a[i] × factor`, wrapping around.
    package static func multiply(
        _ a: UnsafePointer<Int64>, by factor: Int64, into products: UnsafeMutablePointer<Int64>, count: Int
    ) {
        yj_multiply_by_i64(products, a, factor, count)
    }

    /// How many bits the longest of the values has; a negative number is as long as its complement.
    package static func bits(_ values: UnsafePointer<Int64>, count: Int) -> Int {
        64 - yj_magnitude_i64(values, count).leadingZeroBitCount
    }
}
