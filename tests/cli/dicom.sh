# Every DICOM file of pydicom's own tests, value by value. THAW_PYTHON names an interpreter that has pydicom.
. "$(dirname "$0")/common"
python=${THAW_PYTHON:-python3}
command -v "$python" >/dev/null || skip "$python absent"
thaw --version >"$T/version"
if grep -q 'nothing for DICOM' "$T/version"; then skip "built without DICOM"; fi
"$python" "$ROOT/tests/dicom_peer.py" "$THAW_BUILD/thaw-tools-pixels"
