// Losses of images whose pixels are no whole number of blocks, with some ignored.

#include "Arrays.h"

enum { images = 2, plane = 150, classes = 5, blocks = (plane + pixel_block - 1) / pixel_block };

void bits_of_losses(bits_run *run) {
  static const int channel_counts[] = {5, 37};
  for (int i = 0; i < 2; i++) {
    const long channels = channel_counts[i], count = images * channels * plane, all = images * blocks;
    void *logits = drawn_between(run, count, -9, 9), *dx = zeros(run, count);
    const int *labels = drawn_labels(run, images * plane, -1, classes);
    unsigned members[2 * classes];
    for (int k = 0; k < 2 * classes; k++) members[k] = (unsigned)next_bits(run);
    double loss, sums[3 * 37], a[37], b[37];
    for (int c = 0; c < 37; c++) a[c] = 0.01 * c - 0.1, b[c] = 0.2 - 0.01 * c;

    kernel_cross_entropy_forward(run->type, logits, labels, &loss, channels, plane, 0, all);
    report_bytes(run, "cross-entropy", &loss, 8);
    kernel_cross_entropy_backward(run->type, logits, labels, dx, 0.3, channels, plane, 0, all);
    report(run, "cross-entropy backward", dx, count);
    kernel_soft_dice_sums(run->type, logits, labels, sums, channels, plane, 1, 0, blocks);
    report_bytes(run, "soft Dice", sums, 3 * channels * 8);
    for (int image = 0; image < images; image++)
      kernel_soft_dice_backward(run->type, logits, labels, a, b, dx, channels, plane, image, 0, blocks);
    report(run, "soft Dice backward", dx, count);

    kernel_region_cross_entropy_forward(run->type, logits, labels, members, &loss, channels, classes, plane, 0, all);
    report_bytes(run, "cross-entropy of regions", &loss, 8);
    kernel_region_cross_entropy_backward(
        run->type, logits, labels, members, dx, 0.3, channels, classes, plane, 0, all);
    report(run, "cross-entropy of regions backward", dx, count);
    kernel_region_dice_sums(run->type, logits, labels, members, sums, channels, classes, plane, 1, 0, blocks);
    report_bytes(run, "Dice of regions", sums, 3 * channels * 8);
    for (int image = 0; image < images; image++)
      kernel_region_dice_backward(
          run->type, logits, labels, members, a, b, dx, channels, classes, plane, image, 0, blocks);
    report(run, "Dice of regions backward", dx, count);
    give_back(run);
  }
}
