#include "Prologue.h"


#define VECTOR_BYTES 16
#define TILE_ROWS tile_rows_baseline
#define TABLE kernel_table_baseline

#include "Families.h"

