import Foundation

/// What a file is that was given for weights and holds none: what people save or download in their place, each told with what to
/// do about it.
enum UnknownFile {
  /// One clause, after "cannot be read as weights: "; nil for what is not known.
  static func problem(_ file: Data, path: String) -> String? {
    let name = (path as NSString).lastPathComponent
    let head = Data(file.prefix(4096))
    func begins(_ bytes: [UInt8], at place: Int = 0) -> Bool { head.dropFirst(place).starts(with: bytes) }
    if isText(head) { return text(head, file, name) }
    if file.prefix(1 << 16).allSatisfy({ $0 == 0 }) {
      return "it begins with zeros alone: a download or copy that reserved its place and was not finished; \(again)"
    }
    if begins([0x1f, 0x8b]) || begins([0xfd, 0x37, 0x7a, 0x58, 0x5a]) || begins(Array("BZh".utf8))
      || begins(Array("Rar!".utf8)) || begins([0x37, 0x7a, 0xbc, 0xaf]) || begins([0x28, 0xb5, 0x2f, 0xfd])
      || begins(Array("ustar".utf8), at: 257)
    {
      return "it is a packed archive (gzip, xz, zstd, tar, 7z or RAR): unpack it and name the file of weights in it"
    }
    if begins([0x93] + Array("NUMPY".utf8)) {
      return "it is one NumPy array (.npy), without the names that weights have; \(saveNamed)"
    }
    if begins(Array("GGUF".utf8)) {
      return "it is a GGUF file of a language model; \(publishedForms)"
    }
    if begins(Array("TFL3".utf8), at: 4) {
      return "it is a TensorFlow Lite model; weights of TensorFlow are not read: \(publishedForms)"
    }
    // A protocol buffer: the version's number, then the producer's or the next field.
    if begins([0x08]), file.count > 8, (1...32).contains(head[head.startIndex + 1]),
      [0x12, 0x3a, 0x42].contains(head[head.startIndex + 2]), name.lowercased().hasSuffix(".onnx") || hasProducer(head)
    {
      return
        "it is an ONNX model, whose arrays have other names and forms; save the PyTorch model's weights in place of it "
        + "(torch.save(model.state_dict(), \"weights.pth\"))"
    }
    if isTensorFlow(file, name) {
      return "it is a part of a TensorFlow checkpoint or model, which is not read; \(publishedForms)"
    }
    if name.lowercased().hasSuffix(".msgpack") {
      return "it is a Flax (JAX) checkpoint, which is not read; \(publishedForms)"
    }
    return nil
  }

  /// What a ZIP archive is that has no pickle of PyTorch's.
  static func problem(zip names: [String]) -> String {
    let files = names.filter { !$0.hasSuffix("/") }
    if !files.isEmpty, files.allSatisfy({ $0.hasSuffix(".npy") }) {
      return "it is a NumPy archive (.npz); \(saveNamed)"
    }
    if files.contains(where: { $0.hasSuffix("serialized_exported_program.json") || $0.hasSuffix("archive_format") }) {
      return
        "it is a program that torch.export saved; save its weights: torch.save(program.state_dict, \"weights.pth\")"
    }
    if files.contains("model.weights.h5") {
      return "it is a Keras model, which is not read; \(publishedForms)"
    }
    let weights = files.filter { name in
      [".pth", ".pt", ".bin", ".safetensors", ".ckpt"].contains { name.hasSuffix($0) }
    }
    if let first = weights.first {
      return
        "it is a ZIP archive of a folder; unpack it and name the file of weights in it, such as \(first.prefix(120))"
    }
    let shown = files.prefix(3).map { String($0.prefix(60)) }.joined(separator: ", ")
    return "it is a ZIP archive, but has no data.pkl as PyTorch's have"
      + (shown.isEmpty ? "; it is empty" : "; it holds \(shown)\(files.count > 3 ? ", …" : ""); \(publishedForms)")
  }

  /// Whether an archive with a pickle is a TorchScript program: the pickle then names classes that are part of its code.
  static func isTorchScript(zip names: [String]) -> Bool {
    names.contains { $0.hasSuffix("constants.pkl") }
      && names.contains { $0.contains("/code/") || $0.hasPrefix("code/") }
  }

  static let torchScript =
    "it is a TorchScript program, not weights alone; save them in Python: "
    + "torch.save(torch.jit.load(FILE, map_location=\"cpu\").state_dict(), \"weights.pth\")"

  static let again = "get it again, and compare its length with the one that the publisher states"

  private static let publishedForms =
    "the published file of weights is needed: PyTorch's (.pth, .bin) or safetensors"

  private static let saveNamed =
    "save the arrays by their names as safetensors: safetensors.numpy.save_file(dict(arrays), \"weights.safetensors\")"

  // MARK: - Texts

  private static func isText(_ head: Data) -> Bool {
    guard !head.isEmpty else { return false }
    // A character may be cut at the end.
    let valid = (0...3).contains { String(validating: head.dropLast($0), as: UTF8.self) != nil }
    return valid && head.allSatisfy { $0 >= 0x20 || [0x09, 0x0a, 0x0c, 0x0d, 0x1b].contains($0) }
  }

  private static func text(_ head: Data, _ file: Data, _ name: String) -> String {
    let text = String(decoding: head, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    let begin = text.drop { $0 == "\u{FEFF}" }.prefix(256).lowercased()
    if begin.hasPrefix("<!doctype html") || begin.hasPrefix("<html") || begin.hasPrefix("<head")
      || begin.hasPrefix("<?xml") || begin.hasPrefix("<error")
    {
      return
        "it is a web page\(title(text)), not a file of weights: the address led to a page of login, licence or error; sign in, "
        + "accept the licence and get the file itself"
    }
    if begin.hasPrefix("version https://git-lfs") {
      let size = text.split(separator: "\n").first { $0.hasPrefix("size ") }.map {
        " of \($0.dropFirst(5).prefix(20)) bytes"
      }
      return
        "it is a Git LFS pointer in place of the file\(size ?? ""); get the file itself with git lfs pull, or download it"
    }
    if text.hasPrefix("{") || text.hasPrefix("[") { return json(file) }
    if begin.hasPrefix("model_checkpoint_path") {
      return "it is the list of a TensorFlow checkpoint, which is not read; \(publishedForms)"
    }
    let first = text.prefix { !$0.isNewline }.prefix(60)
    return "it is a text that begins \"\(first)\", not a file of weights; \(again)"
  }

  private static func title(_ text: String) -> String {
    guard let start = text.range(of: "<title>", options: .caseInsensitive),
      let end = text.range(of: "</title>", options: .caseInsensitive, range: start.upperBound..<text.endIndex)
    else { return " (HTML)" }
    let title = text[start.upperBound..<end.lowerBound].split { $0.isWhitespace }.joined(separator: " ")
    return " (\"\(title.prefix(60))\")"
  }

  private static func json(_ file: Data) -> String {
    guard file.count <= 16 << 20, let object = try? JSONSerialization.jsonObject(with: file) as? [String: Any] else {
      return "it is a JSON text, not a file of weights; \(publishedForms)"
    }
    if let map = object["weight_map"] as? [String: String] {
      let parts = Set(map.values).sorted()
      return
        "it lists the \(parts.count) files that the weights are divided into (\(parts.prefix(2).joined(separator: ", "))"
        + "\(parts.count > 2 ? ", …" : "")); join them in Python: save_file({k: v for f in files for k, v in load_file(f).items()}, "
        + "\"model.safetensors\") of safetensors.torch"
    }
    if object["model_type"] != nil || object["architectures"] != nil {
      return "it is Hugging Face's description of a model (config.json); name the weights that lie beside it, such as "
        + "model.safetensors"
    }
    return "it is a JSON text, not a file of weights; \(publishedForms)"
  }

  // MARK: - Binary forms without a mark of their own

  /// ONNX's models name who made them: "pytorch", "onnx…", "tf2onnx".
  private static func hasProducer(_ head: Data) -> Bool {
    guard head.count > 4, head[head.startIndex + 2] == 0x12 else { return false }
    let length = Int(head[head.startIndex + 3])
    guard (3...64).contains(length) else { return false }
    let producer = String(decoding: head.dropFirst(4).prefix(length), as: UTF8.self).lowercased()
    return ["pytorch", "onnx", "tf2", "keras", "skl", "paddle", "backend"].contains { producer.contains($0) }
  }

  /// A checkpoint's table ends in the mark of its format; its data is told by its name, a saved model by both.
  private static func isTensorFlow(_ file: Data, _ name: String) -> Bool {
    let mark: [UInt8] = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb]
    return file.suffix(8).elementsEqual(mark) || name.contains(".data-0000") || name == "saved_model.pb"
  }
}
