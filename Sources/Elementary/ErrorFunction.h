// e^(x^2) erfc(x) by polynomials.
#pragma once

#include "Parts.h"

enum { error_function_terms = 15 };

// A polynomial in x - middle: its first coefficient in two parts.
typedef struct {
  double middle;
  pair first;
  double others[error_function_terms - 1];
} error_function_piece;

// For the eighths of 0 to 1, then the quarters of every range from a power of two to the next, up to 28.
extern const error_function_piece elementary_error_function_table[27];
