import protobuf from 'protobufjs'

/** As much of onnx.proto as graphs need that are made here. Source: https://github.com/onnx/onnx, onnx/onnx.proto. */
const SCHEMA = `
syntax = "proto2";
message Attribute {
  optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4;
  repeated int64 ints = 8; optional int32 type = 20;
}
message Node {
  repeated string input = 1; repeated string output = 2; optional string name = 3; optional string opType = 4;
  repeated Attribute attribute = 5; optional string domain = 7;
}
message TensorData {
  repeated int64 dims = 1; optional int32 dataType = 2; optional string name = 8; optional bytes rawData = 9;
}
message Dimension { optional int64 dimValue = 1; }
message TensorShape { repeated Dimension dim = 1; }
message TensorType { optional int32 elemType = 1; optional TensorShape shape = 2; }
message Type { optional TensorType tensorType = 1; }
message ValueInfo { optional string name = 1; optional Type type = 2; }
message Graph {
  repeated Node node = 1; optional string name = 2; repeated TensorData initializer = 5;
  repeated ValueInfo input = 11; repeated ValueInfo output = 12;
}
message OperatorSet { optional string domain = 1; optional int64 version = 2; }
message Model { optional int64 irVersion = 1; optional Graph graph = 7; repeated OperatorSet opsetImport = 8; }
`

const Model = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('Model')

const IR_VERSION = 9
/** The first with Gelu. */
const OPSET = 20

/** Operators that are not ONNX's but ONNX Runtime's. */
const RUNTIME_DOMAIN = 'com.microsoft'
const OWN_OPERATORS: ReadonlySet<string> = new Set(['MatMulNBits'])

const DATA_TYPES = { f32: 1, u8: 2, i32: 6, i64: 7, bool: 9 } as const
export type OnnxType = keyof typeof DATA_TYPES

export type Attribute = number | readonly number[] | string
export interface AttributeFloat {
  readonly float: number
}

/** An ONNX graph in the making. Values are known by their names. */
export class OnnxGraph {
  private readonly nodes: object[] = []
  private readonly initializers: object[] = []
  private readonly inputs: object[] = []
  private readonly outputs: object[] = []
  private made = 0

  input(name: string, type: OnnxType, shape: readonly number[]): string {
    this.inputs.push(valueInfo(name, type, shape))
    return name
  }

  output(name: string, shape: readonly number[]): void {
    this.outputs.push(valueInfo(name, 'f32', shape))
  }

  /** A constant of the graph. */
  constant(type: OnnxType, dims: readonly number[], data: ArrayBufferView): string {
    const name = this.newName()
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    this.initializers.push({ name, dims, dataType: DATA_TYPES[type], rawData })
    return name
  }

  scalar(value: number): string {
    return this.constant('f32', [], Float32Array.of(value))
  }

  integers(...values: number[]): string {
    return this.constant('i64', [values.length], BigInt64Array.from(values, BigInt))
  }

  /** A node with one output, whose name is returned, or given. */
  node(opType: string, inputs: readonly string[], attributes: Attributes = {}, output = this.newName()): string {
    this.add(opType, inputs, [output], attributes)
    return output
  }

  /** A node with two outputs. */
  pair(opType: string, inputs: readonly string[], attributes: Attributes): readonly [string, string] {
    const outputs = [this.newName(), this.newName()] as const
    this.add(opType, inputs, outputs, attributes)
    return outputs
  }

  bytes(): Uint8Array {
    const { nodes: node, initializers: initializer, inputs: input, outputs: output } = this
    return Model.encode(
      Model.create({
        irVersion: IR_VERSION,
        opsetImport: [
          { domain: '', version: OPSET },
          { domain: RUNTIME_DOMAIN, version: 1 },
        ],
        graph: { name: 'bench', node, initializer, input, output },
      }),
    ).finish()
  }

  private add(opType: string, input: readonly string[], output: readonly string[], attributes: Attributes): void {
    const attribute = Object.entries(attributes).map(([name, value]) => ({ name, ...attributeValue(value) }))
    const domain = OWN_OPERATORS.has(opType) ? RUNTIME_DOMAIN : ''
    this.nodes.push({ name: `node${this.nodes.length}`, domain, opType, input, output, attribute })
  }

  private newName(): string {
    return `v${this.made++}`
  }
}

type Attributes = Readonly<Record<string, Attribute | AttributeFloat>>

const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, ints: 7 } as const

function attributeValue(value: Attribute | AttributeFloat): object {
  if (typeof value === 'number') return { i: value, type: ATTRIBUTE_TYPES.int }
  if (typeof value === 'string') return { s: new TextEncoder().encode(value), type: ATTRIBUTE_TYPES.string }
  if ('float' in value) return { f: value.float, type: ATTRIBUTE_TYPES.float }
  return { ints: value, type: ATTRIBUTE_TYPES.ints }
}

const valueInfo = (name: string, type: OnnxType, shape: readonly number[]): object => ({
  name,
  type: { tensorType: { elemType: DATA_TYPES[type], shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
})
