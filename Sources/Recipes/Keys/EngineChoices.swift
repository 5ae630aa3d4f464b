import Datasets
import Evaluation
import Networks
import Phantoms
import Pretraining
import Tensors

// The engine's own enumerations that recipes name a case of by its raw value.

extension TargetKind: KeyChoice {}
extension ComputePrecision: KeyChoice {}
extension SurfaceConvention: KeyChoice {}
extension Averaging.AbsentClass: KeyChoice {}
extension Averaging.MissingDistance: KeyChoice {}
extension DropPath.Selection: KeyChoice {}
extension EncoderModel: KeyChoice {}
extension PhantomKind: KeyChoice {}
extension PhantomStyle: KeyChoice {}
extension DeadLeaves.Style: KeyChoice {}
extension GramLoss.Normalization: KeyChoice {}
extension SelfDistillationConfiguration.Clipping: KeyChoice {}
