/* The one file in C++: GDCM behind the functions of vision/dicom.h. Whatever it throws ends here.
 */
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <istream>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <gdcmPixmapReader.h>
#include <gdcmReader.h>
#include <gdcmSequenceOfFragments.h>
#include <gdcmSequenceOfItems.h>

extern "C" {
#include "vision/codec.h"
#include "vision/dicom.h"
#include "io/base/mem.h"
#include "io/child.h"
__attribute__((visibility("default"))) thaw_dicom_read_fn thaw_dicom_read;
}

namespace
{

/* What goes wrong in here; the text is for the user. */
class Trouble : public std::runtime_error
{
    using std::runtime_error::runtime_error;
};

/* Of files that are as they should be, but hold none. */
class NoPicture : public Trouble
{
    using Trouble::Trouble;
};

/* Somebody has written the error already. */
struct Told {
};

/* A file in memory as a stream, not copied. Remembers whether a value ran over its end: GDCM leaves
 * the rest of it zero. */
class Memory : public std::streambuf
{
  public:
    bool cut = false;

    Memory(const unsigned char *data, size_t size)
    {
        char *begin = const_cast<char *>(reinterpret_cast<const char *>(data));
        setg(begin, begin, begin + size);
    }

  protected:
    /* Up to four bytes may be the search for one more element. */
    std::streamsize xsgetn(char *out, std::streamsize n) override
    {
        std::streamsize left = egptr() - gptr(), take = n < left ? n : left;
        cut = cut || (take < n && n > 4);
        std::memcpy(out, gptr(), static_cast<size_t>(take));
        setg(eback(), gptr() + take, egptr());
        return take;
    }
    pos_type seekoff(off_type by, std::ios_base::seekdir from, std::ios_base::openmode) override
    {
        off_type base = from == std::ios_base::beg   ? 0
                        : from == std::ios_base::cur ? gptr() - eback()
                                                     : egptr() - eback();
        off_type to = base + by;
        if (to < 0 || to > egptr() - eback())
            return off_type(-1);
        if (to < gptr() - eback()) /* begins anew, by other rules: what it found so far was none */
            cut = false;
        setg(eback(), eback() + to, egptr());
        return to;
    }
    pos_type seekpos(pos_type to, std::ios_base::openmode which) override
    {
        return seekoff(to, std::ios_base::beg, which);
    }
};

using Data = gdcm::DataSet;
using Tag = gdcm::Tag;

const gdcm::ByteValue *bytes_of(const Data &data, Tag tag)
{
    if (!data.FindDataElement(tag))
        return nullptr;
    const gdcm::ByteValue *value = data.GetDataElement(tag).GetByteValue();
    return value && value->GetPointer() && value->GetLength() > 0 ? value : nullptr;
}

const unsigned char *memory_of(const gdcm::ByteValue &value)
{
    return reinterpret_cast<const unsigned char *>(value.GetPointer());
}

std::string read_text(const Data &data, Tag tag)
{
    const gdcm::ByteValue *value = bytes_of(data, tag);
    if (!value)
        return "";
    std::string text(value->GetPointer(), value->GetLength());
    while (!text.empty() && (text.back() == ' ' || text.back() == '\0'))
        text.pop_back();
    return text;
}

/* The first of the numbers that stand as text, "40\80". */
bool read_decimal(const Data &data, Tag tag, double &out)
{
    std::string text = read_text(data, tag);
    char *end;
    double number = std::strtod(text.c_str(), &end);
    if (end == text.c_str() || !std::isfinite(number))
        return false;
    out = number;
    return true;
}

/* Number `index` of a sequence's items, from 0; its last where it has fewer. */
bool item_of(const Data &data, Tag tag, size_t index, Data &out)
{
    if (!data.FindDataElement(tag))
        return false;
    gdcm::SmartPointer<gdcm::SequenceOfItems> items = data.GetDataElement(tag).GetValueAsSQ();
    if (!items || items->GetNumberOfItems() == 0)
        return false;
    size_t last = items->GetNumberOfItems() - 1;
    out = items->GetItem((index < last ? index : last) + 1).GetNestedDataSet();
    return true;
}

/* The data set that holds what is said of a frame by `macro`, e.g. (0028,9145): that of the frame
 * itself, else what all frames share, else the file's own. */
Data about_frame(const Data &file, Tag macro, size_t frame)
{
    Data group, found;
    const Tag per_frame(0x5200, 0x9230), shared(0x5200, 0x9229);
    if (item_of(file, per_frame, frame, group) && item_of(group, macro, 0, found))
        return found;
    if (item_of(file, shared, 0, group) && item_of(group, macro, 0, found))
        return found;
    return file;
}

/* GDCM's reader of pictures, kept from what is read here, and from what nobody wants: its
 * assertions on palettes, overlays and icons would end the process. */
class PictureReader : public gdcm::PixmapReader
{
  public:
    Data palette; /* of a palette picture, which goes on as a grey one */
    bool by_palette = false;

  protected:
    bool ReadImage(gdcm::MediaStorage const &kind) override
    {
        prepare(GetFile().GetDataSet());
        return PixmapReader::ReadImage(kind);
    }
    bool ReadACRNEMAImage() override
    {
        prepare(GetFile().GetDataSet());
        return PixmapReader::ReadACRNEMAImage();
    }

  private:
    void prepare(Data &data)
    {
        const Tag colours(0x0028, 0x0004), icon(0x0088, 0x0200);
        by_palette = read_text(data, colours) == "PALETTE COLOR";
        palette = by_palette ? data : Data();
        for (auto at = data.Begin(); at != data.End();) {
            Tag tag = (at++)->GetTag();
            bool table = tag.GetGroup() == 0x28 && tag.GetElement() / 0x100 >= 0x11 &&
                         tag.GetElement() / 0x100 <= 0x12;
            if (tag == icon || table || tag.GetGroup() / 0x100 == 0x60)
                data.Remove(tag);
        }
        gdcm::DataElement grey(colours, 12, gdcm::VR::CS);
        grey.SetByteValue("MONOCHROME2 ", gdcm::VL(12));
        if (by_palette)
            data.Replace(grey);
    }
};

/* --- tables --- */

void read_table(thaw_dicom_table &table, const Data &data, Tag descriptor, Tag values,
                bool is_signed, const char *what)
{
    const gdcm::ByteValue *three = bytes_of(data, descriptor), *value = bytes_of(data, values);
    uint16_t number[3];
    if (!three || !value || three->GetLength() < sizeof number)
        return;
    std::memcpy(number, three->GetPointer(), sizeof number);
    thaw_error why{};
    if (thaw_dicom_set_table(&table, number, value->GetPointer(), value->GetLength(), is_signed,
                             &why))
        throw Trouble(std::string(what) + ": " + why.text);
}

void read_palette(thaw_dicom &d, const Data &file)
{
    for (uint16_t c = 0; c < 3; c++) {
        read_table(d.palette[c], file, Tag(0x0028, static_cast<uint16_t>(0x1101 + c)),
                   Tag(0x0028, static_cast<uint16_t>(0x1201 + c)), d.is_signed, "palette");
        if (d.palette[c].n == 0)
            throw Trouble("a palette picture without its palette");
    }
}

/* --- what to do with the samples --- */

void read_rescale(thaw_dicom &d, const Data &file, size_t frame)
{
    Data item;
    d.slope = 1;
    if (item_of(file, Tag(0x0028, 0x3000), 0, item)) {
        read_table(d.modality, item, Tag(0x0028, 0x3002), Tag(0x0028, 0x3006), d.is_signed,
                   "modality table");
        return;
    }
    Data said = about_frame(file, Tag(0x0028, 0x9145), frame);
    read_decimal(said, Tag(0x0028, 0x1052), d.intercept);
    if (!read_decimal(said, Tag(0x0028, 0x1053), d.slope))
        read_decimal(file, Tag(0x3004, 0x000e), d.slope); /* of a dose */
    if (d.slope == 0)
        d.slope = 1;
}

void read_window(thaw_dicom &d, const Data &file, size_t frame)
{
    Data item;
    Data said = about_frame(file, Tag(0x0028, 0x9132), frame);
    if (item_of(said, Tag(0x0028, 0x3010), 0, item)) {
        /* Signed where what it maps is: stored values, or what rescaling makes of them. */
        bool is_signed = d.modality.n == 0 && (d.is_signed || d.intercept < 0);
        read_table(d.voi, item, Tag(0x0028, 0x3002), Tag(0x0028, 0x3006), is_signed, "VOI table");
    }
    d.has_window = read_decimal(said, Tag(0x0028, 0x1050), d.centre) &&
                   read_decimal(said, Tag(0x0028, 0x1051), d.width_of_window) &&
                   d.width_of_window > 0;
    thaw_dicom_set_curve(&d, read_text(said, Tag(0x0028, 0x1056)).c_str());
}

/* --- the samples --- */

/* The image with nothing but one frame, where frames can be told apart without unpacking. */
bool single_out(gdcm::Bitmap &image, size_t frames, size_t frame)
{
    const gdcm::SequenceOfFragments *all = image.GetDataElement().GetSequenceOfFragments();
    if (!all || all->GetNumberOfFragments() != frames)
        return false;
    gdcm::SmartPointer<gdcm::SequenceOfFragments> part = new gdcm::SequenceOfFragments;
    part->AddFragment(all->GetFragment(frame));
    gdcm::DataElement one(Tag(0x7fe0, 0x0010));
    one.SetValue(*part);
    image.SetDataElement(one);
    image.SetNumberOfDimensions(2);
    return true;
}

/* Each stream of the JPEG family ends with a mark; where it is missing, the unpackers would fill up
 * with grey. Some bytes of padding may follow. */
void check_mark(const gdcm::Bitmap &image, size_t frames, size_t frame)
{
    const gdcm::SequenceOfFragments *fragments = image.GetDataElement().GetSequenceOfFragments();
    if (!fragments)
        return;
    size_t n = fragments->GetNumberOfFragments();
    const gdcm::ByteValue *bytes =
        n ? fragments->GetFragment(n == frames ? frame : n - 1).GetByteValue() : nullptr;
    size_t size = bytes ? static_cast<size_t>(bytes->GetLength()) : 0;
    for (size_t at = size < 64 ? 0 : size - 64; at + 2 <= size; at++)
        if (std::memcmp(bytes->GetPointer() + at, "\xff\xd9", 2) == 0)
            return;
    throw Trouble("a compressed frame is truncated");
}

/* False where the samples are compressed. */
bool unpack_plain(thaw_dicom &d, const gdcm::Bitmap &image, size_t frames, size_t frame,
                  const char *name, thaw_error *err)
{
    const gdcm::ByteValue *bytes = image.GetDataElement().GetByteValue();
    const gdcm::PixelFormat &format = image.GetPixelFormat();
    if (!bytes)
        return false;
    struct thaw_dicom_plain plain = {};
    plain.data = memory_of(*bytes);
    plain.size = bytes->GetLength();
    plain.samples = format.GetSamplesPerPixel();
    plain.bits = format.GetBitsAllocated();
    plain.halved =
        image.GetPhotometricInterpretation() == gdcm::PhotometricInterpretation::YBR_FULL_422;
    /* The library has put the bytes of each 16-bit word right, and knows no longer ones. */
    plain.words_swapped = image.GetTransferSyntax() == gdcm::TransferSyntax::ExplicitVRBigEndian;
    d.planes = image.GetPlanarConfiguration() != 0;
    if (thaw_dicom_unpack_plain(&d, &plain, frames, frame, name, err))
        throw Told();
    return true;
}

/* False where the frames are not run-length coded, one in a piece. */
bool unpack_runs(thaw_dicom &d, const gdcm::Bitmap &image, size_t frames, size_t frame,
                 const char *name, thaw_error *err)
{
    const gdcm::SequenceOfFragments *fragments = image.GetDataElement().GetSequenceOfFragments();
    if (image.GetTransferSyntax() != gdcm::TransferSyntax::RLELossless || !fragments)
        return false;
    if (fragments->GetNumberOfFragments() != frames)
        throw Trouble(std::to_string(fragments->GetNumberOfFragments()) + " pieces for " +
                      std::to_string(frames) + " frames");
    const gdcm::ByteValue *bytes = fragments->GetFragment(frame).GetByteValue();
    if (!bytes || bytes->GetLength() == 0)
        throw Trouble("an empty frame");
    if (thaw_dicom_unpack_runs(&d, image.GetPixelFormat().GetSamplesPerPixel(), memory_of(*bytes),
                               bytes->GetLength(), name, err))
        throw Told();
    return true;
}

/* What unpacking may take: the wavelets of JPEG 2000 work on several words a sample. */
void allow_memory(size_t picture)
{
    const size_t base = size_t(256) << 20, times = 12, most = size_t(6) << 30;
    thaw_child_allow(picture < (most - base) / times ? base + times * picture : most);
}

void unpack(thaw_dicom &d, gdcm::Bitmap &image, size_t frames, size_t frame)
{
    size_t pixels = static_cast<size_t>(d.width) * static_cast<size_t>(d.height);
    d.raw_size =
        pixels * image.GetPixelFormat().GetSamplesPerPixel() * static_cast<size_t>(d.bytes);
    check_mark(image, frames, frame);
    if (frames > 1 && single_out(image, frames, frame))
        frames = 1, frame = 0;
    allow_memory(image.GetBufferLength());
    std::vector<char> all(image.GetBufferLength());
    if (all.size() != d.raw_size * frames)
        throw Trouble("samples of an impossible size");
    if (!image.GetBuffer(all.data()))
        throw Trouble("its samples cannot be unpacked (" +
                      std::string(gdcm::TransferSyntax::GetTSString(image.GetTransferSyntax())) +
                      ")");
    d.planes = image.GetPlanarConfiguration() != 0;
    if (!(d.raw = static_cast<unsigned char *>(thaw_new(d.raw_size, 1, nullptr))))
        throw std::bad_alloc();
    std::memcpy(d.raw, all.data() + frame * d.raw_size, d.raw_size);
    thaw_dicom_hold(&d);
}

/* --- the whole --- */

void read_format(thaw_dicom &d, const gdcm::Bitmap &image, const Data &file)
{
    const gdcm::PixelFormat &format = image.GetPixelFormat();
    int allocated = format.GetBitsAllocated();
    d.stored = format.GetBitsStored();
    d.high = format.GetHighBit();
    d.is_signed = format.GetPixelRepresentation() != 0;
    d.bytes = allocated == 1 ? 1 : allocated / 8;
    if (allocated == 1)
        d.stored = 1, d.high = 0;
    /* The library puts the highest bit where it mostly is. Unpackers leave it there. */
    const gdcm::ByteValue *high = bytes_of(file, Tag(0x0028, 0x0102));
    uint16_t bit = 0;
    if (high && high->GetLength() >= sizeof bit)
        std::memcpy(&bit, high->GetPointer(), sizeof bit);
    if (bit >= d.stored - 1 && bit < 8 * d.bytes && image.GetDataElement().GetByteValue())
        d.high = bit;
    bool known = allocated == 1 || allocated == 8 || allocated == 16 || allocated == 32;
    if (!known || d.stored < 1 || d.stored > 8 * d.bytes || d.high < d.stored - 1 ||
        d.high >= 8 * d.bytes)
        throw Trouble("samples of " + std::to_string(d.stored) + " bits in " +
                      std::to_string(allocated) + ", the highest " + std::to_string(d.high));
}

/* After unpacking: some compressions turn colours to RGB. */
void read_colours(thaw_dicom &d, const gdcm::Bitmap &image)
{
    using PI = gdcm::PhotometricInterpretation;
    const char *colours = PI::GetPIString(image.GetPhotometricInterpretation());
    int samples = image.GetPixelFormat().GetSamplesPerPixel();
    if (thaw_dicom_set_colours(&d, colours ? colours : "unknown", samples))
        throw Trouble("colours " + std::string(colours ? colours : "unknown") + " of " +
                      std::to_string(samples) + " samples");
}

/* That the file holds all that it declares. The samples of a deflated one are checked by unpacking
 * them once more: its reader takes what comes. */
void check_end(const gdcm::File &file, const Memory &memory, const unsigned char *data, size_t size)
{
    const gdcm::FileMetaInformation &header = file.GetHeader();
    if (header.GetDataSetTransferSyntax() != gdcm::TransferSyntax::DeflatedExplicitVRLittleEndian) {
        if (memory.cut)
            throw Trouble("truncated: it ends after " + std::to_string(size) + " bytes");
        return;
    }
    size_t begin = static_cast<size_t>(header.GetFullLength());
    if (begin > size || !thaw_dicom_inflates(data + begin, size - begin))
        throw Trouble("its deflated part is damaged or truncated");
}

/* Why the library took no picture from the file. */
std::string reason(const unsigned char *data, size_t size)
{
    Memory memory(data, size);
    std::istream stream(&memory);
    gdcm::Reader reader;
    reader.SetStream(stream);
    if (!reader.Read())
        return "its elements cannot be read to the end";
    const Data &file = reader.GetFile().GetDataSet();
    std::string kind = read_text(file, Tag(0x0008, 0x0060));
    if (file.FindDataElement(Tag(0x7fe0, 0x0008)) || file.FindDataElement(Tag(0x7fe0, 0x0009)))
        return "its samples are floating-point numbers";
    if (file.FindDataElement(Tag(0x7fe0, 0x0010)))
        return "its picture is not understood";
    throw NoPicture("it holds no picture" + (kind.empty() ? "" : " (modality " + kind + ")"));
}

void read(thaw_dicom &d, const unsigned char *data, size_t size, const thaw_decode_hint &hint,
          const char *name, thaw_error *err)
{
    Memory memory(data, size);
    std::istream stream(&memory);
    PictureReader reader;
    reader.SetStream(stream);
    if (!reader.Read())
        throw Trouble(reason(data, size));
    check_end(reader.GetFile(), memory, data, size);
    const Data &file = reader.GetFile().GetDataSet();
    gdcm::Bitmap &image = reader.GetPixmap();
    const unsigned *sides = image.GetDimensions();
    size_t frames = image.GetNumberOfDimensions() == 3 ? sides[2] : 1;
    if (thaw_codec_check_size(static_cast<long>(sides[0]), static_cast<long>(sides[1]), 0, size,
                              name, err))
        throw Told();
    if (frames < 1)
        throw Trouble("no frames");
    long frame = thaw_codec_choose(&hint, static_cast<long>(frames), "frames", name, err);
    if (frame < 0)
        throw Told();
    d.width = static_cast<int>(sides[0]);
    d.height = static_cast<int>(sides[1]);
    read_format(d, image, file);
    if (!unpack_plain(d, image, frames, static_cast<size_t>(frame), name, err) &&
        !unpack_runs(d, image, frames, static_cast<size_t>(frame), name, err))
        unpack(d, image, frames, static_cast<size_t>(frame));
    read_colours(d, image);
    if (reader.by_palette) {
        d.colours = THAW_DICOM_PALETTE;
        read_palette(d, reader.palette);
    }
    read_rescale(d, file, static_cast<size_t>(frame));
    read_window(d, file, static_cast<size_t>(frame));
}

} // namespace

extern "C" int thaw_dicom_read(thaw_dicom *dicom, const unsigned char *data, size_t size,
                               const thaw_decode_hint *hint, const char *name, thaw_error *err)
{
    *dicom = thaw_dicom{};
    try {
        read(*dicom, data, size, *hint, name, err);
        return 0;
    } catch (const Told &) {
    } catch (const NoPicture &trouble) {
        thaw_fail(err, THAW_EINPUT, "%s: DICOM: %s", name, trouble.what());
    } catch (const Trouble &trouble) {
        thaw_fail(err, THAW_EINPUT, "%s: damaged or unsupported DICOM: %s", name, trouble.what());
    } catch (const std::bad_alloc &) {
        thaw_fail(err, THAW_EMEMORY, "%s: out of memory for this DICOM file", name);
    } catch (...) { /* what the library says of itself names lines of its sources */
        thaw_fail(err, THAW_EINPUT, "%s: damaged DICOM", name);
    }
    thaw_dicom_release(dicom);
    return -1;
}
