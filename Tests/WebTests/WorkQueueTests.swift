import Dispatch
import Foundation
import Testing

@testable import Web

/// The lines in which messages wait.
@Suite struct WorkQueueTests {
    /// With one thread kept for care, every upload that comes alone is still taken by the other.
    @Test func anUploadNeverWaitsForTheThreadKeptForCare() {
        let queue = WorkQueue(reviewsMax: 8, uploadsMax: 8, bytesMax: 1_024)
        let taken = DispatchSemaphore(value: 0)
        for takesUploads in [false, true] {
            Thread.detachNewThread {
                while queue.next(takesUploads: takesUploads) != nil { taken.signal() }
            }
        }
        for number in 0..<400 {
            #expect(queue.add(Job(body: [1], head: MessageHead(), arrived: 0) { _ in }, to: .upload))
            guard taken.wait(timeout: .now() + 20) == .success else {
                Issue.record("upload \(number) was never taken")
                break
            }
        }
        queue.close()
    }
}
