// libnifti's own headers look for this one outside of the folder that Debian puts it in.
#include <nifti/znzlib.h>
