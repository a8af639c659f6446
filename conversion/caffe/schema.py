"""Caffe's protobuf messages, as far as deploy networks use them, built at run time with the `protobuf` package.

Source: the field numbers of github.com/BVLC/caffe (src/caffe/proto/caffe.proto), with the layers of Wei Liu's SSD
branch and the 16-bit blobs of NVIDIA's. Text files name their fields, so numbers matter only in the messages of
binary files: `TrainedNet` (a caffemodel, of which only names and blobs are read) and `BlobProto` (mean.binaryproto).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "passerby.caffe"

_FILLER = "weight_filler Filler, bias_filler Filler"
_ENGINE = "engine {DEFAULT CAFFE CUDNN}"

MESSAGES = f"""
BlobShape: dim int64* =1
BlobProto: num int32 =1, channels int32 =2, height int32 =3, width int32 =4, data float* =5, diff float* =6
 shape BlobShape =7, double_data double* =8, double_diff double* =9, raw_data_type int32 =10, raw_data bytes =12
TrainedNet: name string =1, layers TrainedLayerV1* =2, layer TrainedLayer* =100
TrainedLayerV1: name string =4, blobs BlobProto* =6
TrainedLayer: name string =1, blobs BlobProto* =7

Filler: type string, value float, min float, max float, mean float, std float, sparse int32
 variance_norm {{FAN_IN FAN_OUT AVERAGE}}
Rule: phase {{TRAIN TEST}}, min_level int32, max_level int32, stage string*, not_stage string*
ParamSpec: name string, share_mode {{STRICT PERMISSIVE}}, lr_mult float, decay_mult float
Transform: scale float (1), mirror bool, crop_size uint32, mean_file string, mean_value float*
Loss: ignore_label int32, normalize bool
BatchNorm: use_global_stats bool, moving_average_fraction float, eps float (1e-5)
Concat: axis int32 (1), concat_dim uint32 (1)
Convolution: num_output uint32, bias_term bool (true), pad uint32*, kernel_size uint32*, stride uint32*
 dilation uint32*, pad_h uint32, pad_w uint32, kernel_h uint32, kernel_w uint32, stride_h uint32, stride_w uint32
 group uint32 (1), {_FILLER}, {_ENGINE}, axis int32 (1), force_nd_im2col bool
Dropout: dropout_ratio float (0.5), scale_train bool
Eltwise: operation {{PROD SUM MAX}} (SUM), coeff float*, stable_prod_grad bool
ELU: alpha float (1)
Flatten: axis int32 (1), end_axis int32 (-1)
InnerProduct: num_output uint32, bias_term bool (true), {_FILLER}, axis int32 (1), transpose bool
InputShapes: shape BlobShape*
LRN: local_size uint32 (5), alpha float (1), beta float (0.75), norm_region {{ACROSS_CHANNELS WITHIN_CHANNEL}}
 k float (1), {_ENGINE}
Normalize: across_spatial bool (true), scale_filler Filler, channel_shared bool (true), eps float (1e-10)
Permute: order uint32*
Pooling: pool {{MAX AVE STOCHASTIC}}, pad uint32, pad_h uint32, pad_w uint32, kernel_size uint32, kernel_h uint32
 kernel_w uint32, stride uint32 (1), stride_h uint32, stride_w uint32, {_ENGINE}, global_pooling bool
 round_mode {{CEIL FLOOR}}, ceil_mode bool (true)
Power: power float (1), scale float (1), shift float
PReLU: filler Filler, channel_shared bool
PriorBox: min_size float*, max_size float*, aspect_ratio float*, flip bool (true), clip bool, variance float*
 img_size uint32, img_h uint32, img_w uint32, step float, step_h float, step_w float, offset float (0.5)
NMS: nms_threshold float (0.3), top_k int32, eta float (1)
SaveOutput: output_directory string, output_name_prefix string, output_format string, label_map_file string
 name_size_file string, num_test_image uint32
DetectionOutput: num_classes uint32, share_location bool (true), background_label_id int32, nms_param NMS
 save_output_param SaveOutput, code_type {{NONE CORNER CENTER_SIZE CORNER_SIZE}} (CORNER)
 variance_encoded_in_target bool, keep_top_k int32 (-1), confidence_threshold float, clip bool
ReLU: negative_slope float, {_ENGINE}
Reshape: shape BlobShape, axis int32, num_axes int32 (-1)
Scale: axis int32 (1), num_axes int32 (1), filler Filler, bias_term bool, bias_filler Filler
Sigmoid: {_ENGINE}
Slice: axis int32 (1), slice_dim uint32 (1), slice_point uint32*
Softmax: {_ENGINE}, axis int32 (1)
TanH: {_ENGINE}
"""

_PARAMETERS = """
 concat_param Concat, convolution_param Convolution, dropout_param Dropout, eltwise_param Eltwise
 inner_product_param InnerProduct, lrn_param LRN, pooling_param Pooling, power_param Power, relu_param ReLU
 sigmoid_param Sigmoid, slice_param Slice, softmax_param Softmax, tanh_param TanH, transform_param Transform
 loss_param Loss, include Rule*, exclude Rule*, loss_weight float*, name string, bottom string*, top string*
 blobs BlobProto*
"""
"""Fields that layers of both styles have."""

_NEWER = """
 type string, phase {TRAIN TEST}, param ParamSpec*, propagate_down bool*, batch_norm_param BatchNorm, elu_param ELU
 flatten_param Flatten, input_param InputShapes, norm_param Normalize, permute_param Permute, prelu_param PReLU
 prior_box_param PriorBox, detection_output_param DetectionOutput, reshape_param Reshape, scale_param Scale
"""

V1_TYPES = (
    "ABSVAL ACCURACY ARGMAX BNLL CONCAT CONTRASTIVE_LOSS CONVOLUTION DATA DECONVOLUTION DROPOUT DUMMY_DATA "
    "EUCLIDEAN_LOSS ELTWISE EXP FLATTEN HDF5_DATA HDF5_OUTPUT HINGE_LOSS IM2COL IMAGE_DATA INFOGAIN_LOSS "
    "INNER_PRODUCT LRN MEMORY_DATA MULTINOMIAL_LOGISTIC_LOSS MVN POOLING POWER RELU SIGMOID "
    "SIGMOID_CROSS_ENTROPY_LOSS SILENCE SOFTMAX SOFTMAX_LOSS SPLIT SLICE TANH THRESHOLD WINDOW_DATA"
)
"""Names of the older layers' `type`, in the order of their numbers."""

_NETWORK = f"""
LayerV1: type {{NONE {V1_TYPES}}}, param string*, blobs_lr float*, weight_decay float*{_PARAMETERS.rstrip()}
Layer:{_NEWER.rstrip()}{_PARAMETERS.rstrip()}
State: phase {{TRAIN TEST}} (TEST), level int32, stage string*
Net: name string, input string*, input_dim int32*, input_shape BlobShape*, force_backward bool, debug_info bool
 state State, layers LayerV1*, layer Layer*
"""

_FIELD = re.compile(r"(\w+) (\{[^}]*\}|\w+)(\*?)(?: =(\d+))?(?: \(([^)]+)\))?")
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "uint32": _Field.TYPE_UINT32,
    "float": _Field.TYPE_FLOAT,
    "double": _Field.TYPE_DOUBLE,
}


@cache
def message_type(name: str) -> type[Any]:
    """The class of one of the messages above, such as `Net` or `TrainedNet`."""
    found: type[Any] = message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))
    return found


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    """All messages in a separate pool, so that they cannot clash with another library's Caffe messages."""
    file = descriptor_pb2.FileDescriptorProto(name="passerby/caffe.proto", package=PACKAGE, syntax="proto2")
    one_line_each = re.sub(r"\n +", ", ", MESSAGES + _NETWORK)
    for line in filter(None, one_line_each.splitlines()):
        name, _, fields = line.partition(":")
        _add_fields(file.message_type.add(name=name), fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add_fields(message: descriptor_pb2.DescriptorProto, text: str) -> None:
    for position, (name, kind, many, number, default) in enumerate(_FIELD.findall(text), start=1):
        field = message.field.add(name=name, number=int(number or position))
        field.label = _Field.LABEL_REPEATED if many else _Field.LABEL_OPTIONAL
        if default:
            field.default_value = default
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
            field.options.packed = bool(many) and kind not in ("string", "bytes")
        elif kind.startswith("{"):
            field.type, field.type_name = _Field.TYPE_ENUM, f".{PACKAGE}.{message.name}.{name}_words"
            words = message.enum_type.add(name=f"{name}_words")
            for value, word in enumerate(kind.strip("{}").split()):
                words.value.add(name=word, number=value)
        else:
            field.type, field.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
