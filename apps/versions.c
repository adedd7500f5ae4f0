#include "apps/versions.h"

#include <stdio.h>

#include "io/h5.h"
#include "nn/dnnl/prim.h"
#include "vision/codec.h"

json_t *thaw_versions(void)
{
    json_t *versions = json_pack("{s:s, s:s, s:s, s:s, s:s}", "thaw", THAW_VERSION, "onednn",
                                 thaw_dnnl_version(), "instructions", thaw_dnnl_isa(), "hdf5",
                                 thaw_h5_version(), "jansson", jansson_version_str());
    for (int i = 0; thaw_codecs[i]; i++)
        if (thaw_codecs[i]->library)
            json_object_set_new(versions, thaw_codecs[i]->name,
                                json_string(thaw_codecs[i]->library));
    return versions;
}

void thaw_versions_print(void)
{
    printf("thaw %s\n", THAW_VERSION);
    printf("oneDNN %s (%s)\n", thaw_dnnl_version(), thaw_dnnl_isa());
    printf("HDF5 %s\n", thaw_h5_version());
    printf("jansson %s\n", jansson_version_str());
    for (int i = 0; thaw_codecs[i]; i++)
        if (thaw_codecs[i]->library)
            printf("%s for %s\n", thaw_codecs[i]->library, thaw_codecs[i]->name);
        else
            printf("nothing for %s: %s was absent when this was built\n", thaw_codecs[i]->name,
                   thaw_codecs[i]->package);
}
