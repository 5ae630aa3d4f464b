import Datasets
import Experiments
import Files
import Foundation
import Imaging
import Recipes

extension FeatureFigure {
  /// What the command line puts in place of what a figure's file says.
  public struct Choices {
    public var image: URL?
    public var slice: Int?
    public var weights: [URL]
    public var size: Int?
    public var mark: (x: Int, y: Int)?

    public init(
      image: URL? = nil, slice: Int? = nil, weights: [URL] = [], size: Int? = nil, mark: (x: Int, y: Int)? = nil
    ) {
      self.image = image
      self.slice = slice
      self.weights = weights
      self.size = size
      self.mark = mark
    }
  }

  /// Puts a study's figure together; the pretraining and the dataset that it needs are run and made unless they are there.
  /// - Parameter path: the figure's file.
  /// - Throws: what recipes and runs throw.
  public init(
    study path: String, library: RecipeLibrary, runner: Runner, profile: String, fidelity: Recipe.Fidelity?,
    overrides: [String], choices: Choices
  ) throws {
    let figure = try library.figure(path)
    func resolve(_ path: String) throws -> ResolvedRecipe {
      try library.resolve(path, profile: profile, fidelity: fidelity, overrides: overrides)
    }
    var weights = choices.weights.map { Weights(name: $0.lastPathComponent, url: $0) }
    if weights.isEmpty { weights = try Self.weights(of: figure, resolve(figure.weights), runner) }
    var (image, name, slice) = (choices.image, choices.image?.lastPathComponent ?? "", choices.slice)
    var axis: Int?
    if image == nil {
      let dataset = try runner.dataset(of: resolve(figure.dataset))
      guard figure.imageCase < dataset.cases.count else {
        throw FigureError.noCase(figure.imageCase, dataset.directory.path, count: dataset.cases.count)
      }
      let found = dataset.cases[figure.imageCase]
      image = found.images[0]
      name = "\(found.name) of \(dataset.name)"
      axis = try dataset.sliceAxis()
      // The slice with the most classes says most.
      if slice == nil, let label = found.label {
        slice = Overlay.fullestSlice(of: try NIfTI.readLabels(label), across: axis!)
      }
    }
    let sizes = try choices.size.map { [$0] } ?? library.sizes(of: figure, profile: profile)
    let isOwn = choices.image != nil || !choices.weights.isEmpty
    self.init(
      title: figure.title, kind: figure.kind, image: image!, imageName: name, slice: slice, axis: axis,
      weights: weights, sizes: sizes, mark: choices.mark,
      notes: ["A reproduction of \(figure.place), at the \(profile) profile's sizes."]
        + (overrides.isEmpty && fidelity == nil
          ? []
          : [
            "Made with "
              + (overrides.map { "`--set \($0)`" } + (fidelity.map { ["`--fidelity \($0.rawValue)`"] } ?? []))
              .joined(separator: ", ") + "."
          ])
        + (isOwn ? [] : try library.footnotes(of: figure, profile: profile)))
    hdf5Weights = runner.hdf5Weights
  }

  private static func weights(of figure: StudyFigure, _ recipe: ResolvedRecipe, _ runner: Runner) throws -> [Weights] {
    let record = try runner.run(recipe, seed: recipe.recipe.seeds[0])
    let identity = record.description.identity
    let files = PretrainingFiles(folder: runner.folder(identity))
    let run = "\(record.description.title) (run \(identity.prefix(10)))"
    let snapshots = recipe.recipe.pretraining?.selfDistillation.snapshots ?? []
    guard figure.kind == .evolution, !snapshots.isEmpty else { return [Weights(name: run, url: files.weights)] }
    return snapshots.map { Weights(name: "iteration \($0)", url: files.snapshot($0)) }
  }

  /// Draws the figure: `<name>.png` beside its caption, `<name>.md`.
  /// - Throws: what `draw` throws.
  public func files(named name: String) throws -> (files: ReportFiles, caption: String) {
    let (picture, caption) = try draw()
    var files = ReportFiles(name, markdown: caption)
    files.add(picture, at: "\(name).png")
    return (files, caption)
  }
}
