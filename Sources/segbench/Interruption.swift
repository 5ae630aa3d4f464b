import Files
import Foundation
import Synchronization

/// Ctrl-C, SIGTERM and SIGUSR1 (which schedulers send before a time limit) ask for a stop; the work saves a checkpoint where it has one and ends. What doesn't stop within 8
/// seconds by itself, or is asked a second time, ends at once: whatever was whole on disk stays so, and what was not is removed. A closed terminal stops
/// nothing: the work goes on, and a run's log.txt tells of it.
enum Interruption {
  /// Whether the same command goes on where this one was stopped; a command that keeps what it has done says so.
  static let goesOn = Atomic<Bool>(false)

  private static let patience: UInt32 = 8

  /// 130 after Ctrl-C, 143 after SIGTERM, 138 after SIGUSR1.
  static var exitCode: Int32 { 128 + (Cancellation.signal ?? SIGINT) }

  private static var farewell: StaticString {
    goesOn.load(ordering: .relaxed)
      ? "interrupted; the same command goes on from here\n" : "interrupted; the same command starts anew\n"
  }

  /// What the process says when it stops by itself.
  static var farewellText: String { String("\(farewell)".dropLast()) }

  /// From now on signals are handled as above. Handlers only use what is allowed in them.
  static func install() {
    _ = (Cancellation.isRequested, farewell, Cancellation.child.load(ordering: .relaxed))
    UnfinishedFiles.prepare()
    for number in [SIGINT, SIGTERM, SIGUSR1] {
      signal(number) { number in
        guard Cancellation.request(signal: number) else {
          UnfinishedFiles.removeAll()
          _exit(128 + number)
        }
        alarm(Interruption.patience)
        let child = Cancellation.child.load(ordering: .relaxed)
        if child > 0 { kill(child, SIGKILL) }
        Interruption.tell("\nstopping as soon as the step at work is done; once more stops at once\n")
      }
    }
    signal(SIGALRM) { _ in
      UnfinishedFiles.removeAll()
      Interruption.tell("\nsegbench: ")
      Interruption.tell(Interruption.farewell)
      _exit(Interruption.exitCode)
    }
    signal(SIGHUP, SIG_IGN)
    // Whoever started this process may have had them blocked, as the threads of Swift's Dispatch do.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGUSR1, SIGALRM] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  private static func tell(_ text: StaticString) {
    _ = Foundation.write(2, text.utf8Start, text.utf8CodeUnitCount)
  }
}
