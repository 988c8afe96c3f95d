"""Reads launch cases as JSON lines, answers each with the digest of sev-snp-measure or with the name of its refusal."""
import json
import sys

from sevsnpmeasure import guest, vcpu_types
from sevsnpmeasure.sev_mode import SevMode
from sevsnpmeasure.vmm_types import VMMType

for line in sys.stdin:
    case = json.loads(line)
    try:
        digest = guest.calc_launch_digest(
            SevMode.SEV_SNP,
            case["vcpus"],
            vcpu_types.CPU_SIGS[case["cpu"]],
            case["firmware"],
            case["kernel"],
            case["initrd"],
            case["cmdline"],
            case["guest_features"],
            vmm_type=VMMType.QEMU,
        )
        print(digest.hex())
    except Exception as refusal:  # a refusal of any kind is an answer here
        print("refused:", type(refusal).__name__)
