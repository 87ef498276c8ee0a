// The base of the C++/WinRT names: strings, errors, references, events, arrays and coroutines.
#pragma once

#include "impl/arrays.h"
#include "impl/async.h"
#include "impl/coroutines.h"
#include "impl/delegates.h"
#include "impl/errors.h"
#include "impl/guid.h"
#include "impl/references.h"
#include "impl/strings.h"
#include "impl/time.h"
