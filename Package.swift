// swift-tools-version: 6.0
import PackageDescription

/// The system's C libraries: a module map and, where a header needs one, a small shim.
let systemLibraries: [Target] = [
  .systemLibrary(name: "CBLAS", path: "Sources/CBLAS", pkgConfig: "openblas"),
  .systemLibrary(name: "CYAML", path: "Sources/CYAML", pkgConfig: "yaml-0.1"),
  .systemLibrary(name: "CHDF5", path: "Sources/CHDF5", pkgConfig: "hdf5"),
  .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib"),
  .systemLibrary(name: "CPNG", path: "Sources/CPNG", pkgConfig: "libpng"),
  .systemLibrary(name: "CZip", path: "Sources/CZip", pkgConfig: "libzip"),
  .systemLibrary(name: "CCrypto", path: "Sources/CCrypto", pkgConfig: "libcrypto"),
  // The C header of the plugin that is compiled against the user's PyTorch and loaded while the program runs.
  .systemLibrary(name: "CTorchPlugin", path: "Plugins/Torch/include"),
]

/// A Swift target with its tests' folder beside it.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, path: "Sources/\(name)")
}

/// - Parameter fixtures: whether the folder has files of peers' output, under Fixtures.
func tests(_ name: String, _ dependencies: [Target.Dependency], fixtures: Bool = false) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests",
    exclude: fixtures ? ["Fixtures"] : [])
}

/// What SEGBENCH_ENGINE_ONLY leaves: the engine and its tests, for builds with sanitizers (Setup/test-sanitizers.sh).
let engine: Set = [
  "CBLAS", "CHDF5", "CZlib", "CPNG", "CZip", "CCrypto", "Elementary", "Kernels", "Files", "Random", "Tensors",
  "CTorchPlugin", "TorchBackend", "TestSupport", "KernelBits", "TensorsTests", "ElementaryTests",
]
let isEngineOnly = Context.environment["SEGBENCH_ENGINE_ONLY"] != nil

let targets: [Target] =
  systemLibraries + [
    // A target and not a mere module map: libnifti's headers find each other through its include folder.
    .target(
      name: "CNIfTI", path: "Sources/CNIfTI", linkerSettings: [.linkedLibrary("nifti2"), .linkedLibrary("znz")]),
    // Elementary functions whose results are the same bits on every machine.
    .target(name: "Elementary", path: "Sources/Elementary"),
    // The inner loops and their pool of threads; libgomp tells how many threads there are to be.
    .target(
      name: "Kernels", dependencies: ["Elementary"], path: "Sources/Kernels",
      linkerSettings: [.linkedLibrary("gomp"), .linkedLibrary("m")]),
    // The program's allocator: memory that Swift's runtime is refused ends it with a sentence.
    .target(
      name: "Allocation", dependencies: ["Kernels"], path: "Sources/Allocation",
      linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),

    // What a process may still do that reads a stranger's file: Landlock and seccomp, where the kernel has them.
    .target(name: "Confinement", path: "Sources/Confinement"),

    library("Files", ["CHDF5", "CPNG", "CZip", "CZlib", "CCrypto"]),
    library("Random", ["Elementary"]),
    library("Tensors", ["Elementary", "Random", "Kernels", "CBLAS"]),
    library("TorchBackend", ["CTorchPlugin", "Tensors", "Kernels", "Files"]),
    library("Imaging", ["Elementary", "Kernels", "Files", "CNIfTI"]),
    library("Networks", ["Elementary", "Tensors", "Random", "Files"]),
    library("Datasets", ["Elementary", "Imaging", "Tensors", "Random", "Kernels", "Files"]),
    library("Phantoms", ["Elementary", "Datasets", "Imaging", "Random", "Files"]),
    library("Training", ["Elementary", "Networks", "Datasets", "Tensors", "Files"]),
    library("Pretraining", ["Elementary", "Training", "Networks", "Tensors", "Random", "Files"]),
    library("Evaluation", ["Elementary", "Networks", "Imaging", "Tensors", "Random", "Files"]),
    library(
      "Recipes",
      ["Evaluation", "Pretraining", "Training", "Networks", "Phantoms", "Datasets", "Tensors", "Files", "CYAML"]),
    library(
      "Experiments",
      [
        "Recipes", "Evaluation", "Pretraining", "Training", "Networks", "Phantoms", "Datasets", "Imaging",
        "TorchBackend", "Tensors", "Files", "CBLAS", "CHDF5", "CPNG", "CYAML", "CZip",
      ]),
    library(
      "Reporting",
      ["Experiments", "Recipes", "Evaluation", "Pretraining", "Datasets", "Imaging", "Tensors", "Random", "Files"]),
    library(
      "Exports", ["Experiments", "Recipes", "Evaluation", "Pretraining", "Networks", "Tensors", "Random", "Files"]),
    // One step of the data path, timed, for the scripts that compare it with nnU-Net's.
    .executableTarget(
      name: "data-benchmark",
      dependencies: [
        "Experiments", "Recipes", "Evaluation", "Phantoms", "Datasets", "Imaging", "Tensors", "Random", "Files",
      ],
      path: "Benchmarks/data"),
    .executableTarget(
      name: "engine-benchmark", dependencies: ["Pretraining", "Training", "Networks", "Tensors", "Random", "Files"],
      path: "Benchmarks/engine"),
    // Mutated inputs for every reader of untrusted files.
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "Experiments", "Recipes", "Evaluation", "Networks", "Datasets", "Imaging", "Tensors", "Random", "Files",
      ],
      path: "Tests/fuzz", exclude: ["Corpus"]),
    // A network beside its peer, for Benchmarks/peers/parity/parity.py.
    .executableTarget(
      name: "parity", dependencies: ["Pretraining", "Networks", "Tensors", "Files"], path: "Benchmarks/parity"),
    .executableTarget(
      name: "segbench",
      dependencies: [
        "Reporting", "Exports", "Experiments", "Recipes", "Evaluation", "Networks", "Phantoms", "Datasets", "Imaging",
        "TorchBackend", "Tensors", "Files", "Allocation", "Confinement",
      ], path: "Sources/segbench"),

    // What the tests of several targets share.
    .target(name: "TestSupport", dependencies: ["TorchBackend", "Tensors", "Random", "Files"], path: "Tests/Support"),
    tests("Elementary", ["TestSupport", "Elementary", "Files"], fixtures: true),
    tests("Files", ["TestSupport", "Files"], fixtures: true),
    // Digests of what the kernels compute, for the engine's tests and Setup/test-arm64.sh.
    .target(name: "KernelBits", dependencies: ["Kernels"], path: "Tests/KernelBits"),
    tests("Tensors", ["TestSupport", "KernelBits", "Tensors", "Random", "Files"], fixtures: true),
    tests("TorchBackend", ["TestSupport", "CTorchPlugin", "TorchBackend", "Tensors", "Random", "Files"]),
    tests("Imaging", ["TestSupport", "Imaging", "Files"], fixtures: true),
    tests("Networks", ["TestSupport", "Networks", "Tensors", "Random", "Files"], fixtures: true),
    tests(
      "Datasets", ["TestSupport", "Evaluation", "Phantoms", "Datasets", "Imaging", "Tensors", "Random", "Files"],
      fixtures: true),
    tests(
      "Training", ["TestSupport", "Training", "Networks", "Datasets", "Tensors", "Random", "Files"], fixtures: true),
    tests(
      "Pretraining", ["TestSupport", "Pretraining", "Training", "Networks", "Tensors", "Random", "Files"],
      fixtures: true),
    tests(
      "Evaluation", ["TestSupport", "Evaluation", "Networks", "Datasets", "Imaging", "Tensors", "Random", "Files"],
      fixtures: true),
    tests("Recipes", ["TestSupport", "Experiments", "Recipes", "Pretraining", "Networks", "Files"], fixtures: true),
    tests(
      "Experiments",
      [
        "TestSupport", "Experiments", "Recipes", "Evaluation", "Pretraining", "Networks", "Phantoms", "Datasets",
        "Imaging", "Tensors", "Files",
      ],
      fixtures: true),
    tests(
      "Reporting",
      [
        "TestSupport", "Reporting", "Experiments", "Recipes", "Evaluation", "Networks", "Phantoms", "Datasets",
        "Imaging", "Tensors",
        "Random", "Files",
      ]),
    tests(
      "Exports", ["TestSupport", "Exports", "Experiments", "Evaluation", "Pretraining", "Networks", "Tensors", "Files"]),
    tests("segbench", ["TestSupport", "Experiments", "Evaluation", "Networks", "Datasets", "Imaging", "Files"]),
  ]

let package = Package(
  name: "SegBench",
  products: isEngineOnly ? [] : [.executable(name: "segbench", targets: ["segbench"])],
  targets: isEngineOnly ? targets.filter { engine.contains($0.name) } : targets,
  swiftLanguageModes: [.v6]
)
