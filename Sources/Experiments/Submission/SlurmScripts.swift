import Foundation

/// A graph's jobs as bash scripts for Slurm's sbatch, and the script that submits them with their dependencies.
///
/// Every name, path and setting stands in the scripts as one quoted word. A job is told by SIGUSR1 that its time is nearly
/// over; the run saves a checkpoint, and the job puts itself into the queue again. How a job ended it writes down under
/// `outcomes`, what it said under `logs`.
public struct SlurmScripts: Sendable {
  public let arrays: JobArrays
  let words: JobWords
  let site: SiteSettings
  let workspace: Workspace
  /// The program that submits, where the site names no other.
  let program: String

  public init(_ arrays: JobArrays, words: JobWords, site: SiteSettings, workspace: Workspace, program: String) {
    self.arrays = arrays
    self.words = words
    self.site = site
    self.workspace = workspace
    self.program = site.program ?? program
  }

  /// The script that submits the others, in the folder with them.
  public static let submitName = "submit.sh"

  /// Every script by its name, in the order in which jobs may run; the one that submits them is the last.
  public var files: [(name: String, text: String)] {
    arrays.arrays.map { ("\($0.name).sh", text(of: $0)) } + [(Self.submitName, submitText)]
  }

  // MARK: - An array

  private func text(of array: JobArrays.Array) -> String {
    var lines = ["#!/bin/bash", "# \(array.tasks.count) of SegBench's jobs; \(Self.submitName) submits them."]
    lines += options(of: array).map { "#SBATCH --" + $0 }
    lines += ["set -u", "export SEGBENCH_HOME=" + RunCommand.quoted(workspace.root.path)]
    if let data = workspace.userData { lines.append("export SEGBENCH_DATA=" + RunCommand.quoted(data.path)) }
    lines += site.setup
    // Its own threads, whatever the node has.
    lines += ["export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}", "case $SLURM_ARRAY_TASK_ID in"]
    for task in array.tasks {
      let command = words.words(of: task.job, in: arrays.graph).map(RunCommand.quoted).joined(separator: " ")
      lines.append("\(task.number)) words=(\(command)) ;;")
    }
    lines += ["*) echo \"there is no task $SLURM_ARRAY_TASK_ID\" >&2; exit 2 ;;", "esac"]
    lines += ["program=" + RunCommand.quoted(program), "name=\(array.name)-$SLURM_ARRAY_TASK_ID", Self.body]
    return lines.joined(separator: "\n") + "\n"
  }

  private static let body = #"""
    mkdir -p outcomes
    rm -f "outcomes/$name"
    requeue= asked=
    "$program" "${words[@]}" &
    child=$!
    trap 'requeue=1 asked=1; kill -USR1 "$child"' USR1
    trap 'asked=1; kill -TERM "$child"' TERM
    # A signal ends a wait before the child has ended.
    while :; do
      asked=
      wait "$child"
      code=$?
      [ -n "$asked" ] || break
    done
    if [ -n "$requeue" ] && [ "$code" -eq 138 ]; then
      echo "the job's time is nearly over: it goes on from its checkpoint" >&2
      scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" && exit 0
    fi
    echo "$code" >"outcomes/.$name" && mv "outcomes/.$name" "outcomes/$name"
    exit "$code"
    """#

  private func options(of array: JobArrays.Array) -> [String] {
    let numbers = Self.ranges(array.tasks.map(\.number))
    let own = site.preparation
    let cpus = array.trains ? site.cpusPerRun : own.cpus ?? site.cpusPerRun
    let gpus = array.trains ? site.gpusPerRun : nil
    let pairs: [(String, String?)] = [
      ("job-name", "segbench-\(array.name)"), ("array", numbers + (site.arrayLimit.map { "%\($0)" } ?? "")),
      ("output", "logs/\(array.name)-%a.txt"), ("open-mode", "append"), ("nodes", "1"), ("ntasks", "1"),
      ("cpus-per-task", cpus.map(String.init)), ("gpus-per-node", gpus.flatMap { $0 > 0 ? "\($0)" : nil }),
      ("mem", array.trains ? site.memory : own.memory ?? site.memory),
      ("time", array.trains ? site.time : own.time ?? site.time),
      ("partition", array.trains ? site.partition : own.partition ?? site.partition), ("account", site.account),
      ("qos", site.qos), ("constraint", array.trains ? site.constraint : nil),
      ("signal", "B:USR1@\(site.saveSeconds)"),
    ]
    return pairs.compactMap { name, value in value.map { "\(name)=\(Self.escaped($0))" } } + ["requeue"]
  }

  /// A value as sbatch reads it on a line of a script, which has quotes of its own: no shell takes part.
  private static func escaped(_ value: String) -> String {
    let isPlain = value.unicodeScalars.allSatisfy { scalar in
      ("0"..."9").contains(scalar) || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
        || "_-./=,:+@%".unicodeScalars.contains(scalar)
    }
    return isPlain ? value : "\"" + value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  /// Numbers as Slurm writes them: `0-3,7`.
  package static func ranges(_ numbers: [Int]) -> String {
    var ranges: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = ranges.last, last.upperBound + 1 == number {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        ranges.append(number...number)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(
      separator: ",")
  }

  // MARK: - Submitting

  private var submitText: String {
    var lines = [
      "#!/bin/bash",
      "# Submits SegBench's jobs and prints their numbers. All are tried first; if one is refused all the same,",
      "# those before it are taken back.", "set -euo pipefail", "cd -- \"$(dirname -- \"${BASH_SOURCE[0]}\")\"",
      "mkdir -p logs outcomes",
      "for script in \(arrays.arrays.map { $0.name + ".sh" }.joined(separator: " ")); do sbatch --test-only \"$script\" >&2; done",
      "submitted=()", "take_back() { [ ${#submitted[@]} -eq 0 ] || scancel \"${submitted[@]}\"; }",
      "trap take_back ERR",
    ]
    for array in arrays.arrays {
      let variable = array.name
      let dependency =
        array.dependencies.isEmpty ? "" : "--dependency=\"\(dependencyText(array))\" --kill-on-invalid-dep=yes "
      lines += [
        "\(variable)=$(sbatch --parsable \(dependency)\(array.name).sh)", "\(variable)=${\(variable)%%;*}",
        "submitted+=(\"$\(variable)\")", "echo \"\(array.name) $\(variable)\"",
      ]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func dependencyText(_ array: JobArrays.Array) -> String {
    func number(_ index: Int) -> String { "${\(arrays.arrays[index].name)}" }
    return array.dependencies.map { dependency in
      switch dependency {
      case .succeeded(let places): "afterok:" + places.map { "\(number($0.array))_\($0.task)" }.joined(separator: ":")
      case .corresponding(let array): "aftercorr:" + number(array)
      case .ended(let arrays): "afterany:" + arrays.map(number).joined(separator: ":")
      }
    }.joined(separator: ",")
  }
}
