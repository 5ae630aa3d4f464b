// What training and prediction count and choose, and the sums of tiles.
#include "Plugin.h"

static int32_t overlapCounts(const segtorch_tensor *logitsView, const segtorch_tensor *labelsView, const segtorch_operation *regions,
                             double threshold, segtorch_block **counts) {
  return guarded([&] {
    at::NoGradGuard none;
    auto logits = view(logitsView), labels = view(labelsView);
    check(counts && logits.dim() == 4 && labels.dim() == 3 && labels.scalar_type() == at::kInt && logits.size(1) > 0, "counts of other shapes");
    auto valid = labels.ge(0).unsqueeze(1);
    Tensor predicted, there;
    if (regions) {
      check(regions->integers && regions->integer_count >= 3, "regions without a table");
      Call call{regions->kind, {regions->integers, (size_t)regions->integer_count}, {}, {}};
      check(call.integer(2) == logits.size(1), "logits of another number of regions");
      predicted = logits.gt(threshold);
      there = membership(call, labels);
    } else {
      auto numbers = at::arange(logits.size(1), labels.options()).view({1, logits.size(1), 1, 1});
      predicted = logits.argmax(1, true).eq(numbers);
      there = labels.unsqueeze(1).eq(numbers);
    }
    auto counted = [&](const Tensor &mask) { return (mask & valid).sum(at::IntArrayRef{0, 2, 3}); };
    auto all = at::stack({counted(predicted & there), counted(predicted & ~there), counted(~predicted & there)});
    *counts = block(all.to(at::kInt));
  });
}

// Each pixel the one under its centre.
static int32_t resizedLabels(const segtorch_tensor *labelsView, int64_t height, int64_t width, segtorch_block **resized) {
  return guarded([&] {
    at::NoGradGuard none;
    auto labels = view(labelsView);
    check(resized && labels.dim() == 3 && height > 0 && width > 0 && labels.size(1) > 0 && labels.size(2) > 0, "labels of another shape");
    auto places = [&](int64_t from, int64_t to) {
      return constant(std::make_pair(from, to), labels.device(), [&] {
        return ((at::arange(to, at::kLong) * 2 + 1) * from).div(2 * to, "floor").clamp_max(from - 1);
      });
    };
    auto rows = labels.index_select(1, places(labels.size(1), height));
    *resized = block(rows.index_select(2, places(labels.size(2), width)));
  });
}

static int32_t greatestOffDiagonal(const segtorch_tensor *matrixView, segtorch_block **places) {
  return guarded([&] {
    at::NoGradGuard none;
    auto matrix = view(matrixView);
    check(places && matrix.dim() == 2 && matrix.size(0) == matrix.size(1) && matrix.size(0) > 0 && matrix.is_floating_point(), "no square matrix");
    auto others = matrix.clone().fill_diagonal_(-INFINITY);
    *places = block(others.argmax(1).to(at::kInt));
  });
}

static int32_t entropy(const segtorch_tensor *distributions, double *mean) {
  return guarded([&] {
    at::NoGradGuard none;
    auto p = view(distributions).to(at::kDouble);
    check(mean && p.dim() > 0, "the entropy of a scalar");
    *mean = -at::xlogy(p, p).sum().item<double>() / (double)p.size(0);
  });
}

// In double precision, as on the CPU.
struct segtorch_sinkhorn {
  double temperature;
  bool isFirst = true;
  // What each prototype's column is multiplied by, and the sums of the round under way.
  Tensor factors, sums;
  // The greatest logit / temperature so far, relative to which all count in the first round.
  Tensor greatest;
};

static Tensor reciprocalOrZero(const Tensor &sums) {
  return at::where(sums.ge(std::numeric_limits<double>::min()), sums.reciprocal(), at::zeros({}, sums.options()));
}

static int32_t sinkhornBegin(int32_t number, int64_t prototypes, double temperature, segtorch_sinkhorn **state) {
  return guarded([&] {
    check(state && prototypes > 0 && temperature > 0, "targets of no prototype");
    auto made = std::make_unique<segtorch_sinkhorn>();
    auto options = at::TensorOptions().dtype(at::kDouble).device(device(number));
    made->temperature = temperature;
    made->sums = at::zeros({prototypes}, options);
    made->factors = at::ones({prototypes}, options);
    made->greatest = at::full({}, -INFINITY, options);
    *state = made.release();
  });
}

static void sinkhornRelease(segtorch_sinkhorn *state) {
  guarded([&] { delete state; });
}

// exp(logits / temperature - the row's greatest), and the row's greatest.
static std::pair<Tensor, Tensor> exponentials(const segtorch_sinkhorn &state, const segtorch_tensor *logits) {
  auto scaled = view(logits).to(at::kDouble) / state.temperature;
  check(scaled.dim() == 2 && scaled.size(0) > 0 && scaled.size(1) == state.sums.size(0), "logits of other prototypes");
  auto greatest = std::get<0>(scaled.max(1, true));
  return {(scaled - greatest).exp(), greatest.squeeze(1)};
}

static int32_t sinkhornAdd(segtorch_sinkhorn *state, const segtorch_tensor *logits) {
  return guarded([&] {
    at::NoGradGuard none;
    check(state, "a round without a beginning");
    auto [values, rows] = exponentials(*state, logits);
    if (state->isFirst) {
      auto greatest = at::maximum(state->greatest, rows.max());
      // A sample far below all others still counts, so that its own prototypes are not given up.
      auto weights = (rows - greatest).exp().clamp_min(1e-300);
      state->sums = state->sums * (state->greatest - greatest).exp() + at::mv(values.t(), weights);
      state->greatest = greatest;
    } else {
      state->sums = state->sums + at::mv(values.t(), reciprocalOrZero(at::mv(values, state->factors)));
    }
  });
}

static int32_t sinkhornEndRound(segtorch_sinkhorn *state) {
  return guarded([&] {
    at::NoGradGuard none;
    check(state, "a round without a beginning");
    state->factors = reciprocalOrZero(state->sums);
    state->sums = at::zeros_like(state->sums);
    state->isFirst = false;
  });
}

static int32_t sinkhornTargets(segtorch_sinkhorn *state, const segtorch_tensor *logits, segtorch_block **targets) {
  return guarded([&] {
    at::NoGradGuard none;
    check(state && targets, "targets without a round");
    auto values = exponentials(*state, logits).first;
    auto rows = reciprocalOrZero(at::mv(values, state->factors));
    *targets = block((values * state->factors * rows.unsqueeze(1)).to(at::kFloat));
  });
}

// Where a tile [height, width] and the slice [Y, X] meet, and the tile's part of it turned as it lies on the slice.
struct Meeting {
  int64_t row, column, rows, columns, tileRow, tileColumn;

  Meeting(const segtorch_placement &at, int64_t height, int64_t width, const Tensor &slice) {
    check(std::abs(at.top) < (int64_t)1 << 40 && std::abs(at.left) < (int64_t)1 << 40, "a tile that lies nowhere");
    row = std::max<int64_t>(0, at.top), column = std::max<int64_t>(0, at.left);
    rows = std::max<int64_t>(0, std::min(slice.size(1), at.top + height) - row);
    columns = std::max<int64_t>(0, std::min(slice.size(2), at.left + width) - column);
    tileRow = row - at.top, tileColumn = column - at.left;
  }
  bool isEmpty() const { return rows == 0 || columns == 0; }
  Tensor of(const Tensor &slice) const { return slice.narrow(-2, row, rows).narrow(-1, column, columns); }
  Tensor ofTile(const Tensor &upright) const { return upright.narrow(-2, tileRow, rows).narrow(-1, tileColumn, columns); }
};

static Tensor turned(const Tensor &tile, const segtorch_placement &at) {
  Sizes axes;
  if (at.flips_rows) axes.push_back(-2);
  if (at.flips_columns) axes.push_back(-1);
  return axes.empty() ? tile : tile.flip(axes);
}

static int32_t tiles(const segtorch_tensor *sliceView, const segtorch_placement *placements, int32_t count, int64_t height, int64_t width,
                     segtorch_block **tiles) {
  return guarded([&] {
    at::NoGradGuard none;
    auto slice = view(sliceView);
    check(tiles && slice.dim() == 3 && count >= 0 && (placements || count == 0) && height > 0 && width > 0, "tiles of another shape");
    auto all = at::zeros({count, slice.size(0), height, width}, slice.options());
    for (int32_t index = 0; index < count; index++) {
      Meeting meeting(placements[index], height, width, slice);
      if (meeting.isEmpty()) continue;
      auto upright = all.select(0, index);
      meeting.ofTile(upright).copy_(meeting.of(slice));
      if (placements[index].flips_rows || placements[index].flips_columns) upright.copy_(turned(upright, placements[index]));
    }
    *tiles = block(all);
  });
}

static int32_t addTiles(const segtorch_tensor *tilesView, const segtorch_tensor *weightsView, const segtorch_placement *placements,
                        int32_t count, const segtorch_tensor *sumsView) {
  return guarded([&] {
    at::NoGradGuard none;
    auto tiles = view(tilesView), weights = view(weightsView), sums = writable(sumsView);
    check(tiles.dim() == 4 && sums.dim() == 3 && weights.dim() == 2 && count == tiles.size(0) && (placements || count == 0) &&
              tiles.size(1) == sums.size(0) && tiles.size(2) == weights.size(0) && tiles.size(3) == weights.size(1),
          "sums of tiles of another shape");
    for (int32_t index = 0; index < count; index++) {
      Meeting meeting(placements[index], tiles.size(2), tiles.size(3), sums);
      if (meeting.isEmpty()) continue;
      auto upright = turned(tiles.select(0, index), placements[index]);
      meeting.of(sums).add_(meeting.ofTile(upright) * meeting.ofTile(weights));
    }
  });
}
