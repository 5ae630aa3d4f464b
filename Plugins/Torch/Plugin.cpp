// The whole plugin: one compilation, for PyTorch's headers take most of its time.
#include "Memory.cpp"

#include "Devices.cpp"
#include "Differentiation.cpp"
#include "Images.cpp"
#include "Losses.cpp"
#include "Operations.cpp"
#include "Reductions.cpp"
#include "Updates.cpp"

extern "C" __attribute__((visibility("default"))) const segtorch_functions_table *segtorch_functions(void) {
  static const segtorch_functions_table table = {
      SEGTORCH_INTERFACE, TORCH_VERSION, error, configure, gpuCount, deviceName, deviceMemory, allocate, release, copyIn, copyOut, fill,
      copy, shape, forward, backward, accumulate, adamw, sgd, lerp, sumOfSquares, overlapCounts, resizedLabels, greatestOffDiagonal,
      entropy, sinkhornBegin, sinkhornRelease, sinkhornAdd, sinkhornEndRound, sinkhornTargets, tiles, addTiles};
  return &table;
}
