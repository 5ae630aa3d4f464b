// Sines and cosines at the 64ths.
#pragma once

#include "Parts.h"

typedef struct {
  pair sine, cosine;
  double cosine_less_1;
} trigonometry_step;

// At j / 64, up to π / 4 and a step beyond.
extern const trigonometry_step elementary_trigonometry_table[52];
