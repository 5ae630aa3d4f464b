#include "Table.h"

#include <cblas.h>

void kernel_gemm(
    kernel_type type, int transpose_a, int transpose_b, long m, long n, long k, double alpha, const void *a, long lda,
    const void *b, long ldb, double beta, void *c, long ldc) {
  if (m <= 0 || n <= 0) return;
  kernels_adopt_thread_count();
  const CBLAS_TRANSPOSE op_a = transpose_a ? CblasTrans : CblasNoTrans, op_b = transpose_b ? CblasTrans : CblasNoTrans;
  if (type == kernel_float32)
    cblas_sgemm(CblasRowMajor, op_a, op_b, (int)m, (int)n, (int)k, (float)alpha, a, (int)lda, b, (int)ldb, (float)beta,
                c, (int)ldc);
  else
    cblas_dgemm(CblasRowMajor, op_a, op_b, (int)m, (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}
