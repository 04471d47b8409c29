// Boost.JSON, compiled here once instead of linked: so no other package of Boost is needed than its headers.
#include <boost/json/src.hpp>
