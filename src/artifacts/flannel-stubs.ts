// Stand-ins for the two modules of flannel's tencent-vpc backend that the module proxy does not have. The backend compiles
// against them and answers every call with an error; no other backend uses them.
import type { StubModule } from './projects.ts';

const COMMON = 'github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common';
const VPC = 'github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/vpc';

const COMMON_GO = `// Package common is a stand-in: this build has no tencent-vpc backend.
package common

func StringPtr(v string) *string { return &v }

func BoolPtr(v bool) *bool { return &v }

func StringPtrs(values []string) []*string {
	pointers := make([]*string, len(values))
	for i := range values {
		pointers[i] = &values[i]
	}
	return pointers
}
`;

const ERRORS_GO = `// Package errors is a stand-in: this build has no tencent-vpc backend.
package errors

type TencentCloudSDKError struct{ Message string }

func (e *TencentCloudSDKError) Error() string { return e.Message }
`;

const VPC_GO = `// Package v20170312 is a stand-in: this build has no tencent-vpc backend.
package v20170312

import "errors"

var errAbsent = errors.New("this build has no tencent-vpc backend")

type Client struct{}

type Filter struct {
	Name   *string
	Values []*string
}

type Route struct {
	DestinationCidrBlock *string
	GatewayType          *string
	GatewayId            *string
	RouteId              *uint64
	RouteType            *string
	Enabled              *bool
}

type RouteTable struct {
	RouteTableId *string
	RouteSet     []*Route
}

type DescribeRouteTablesRequest struct{ Filters []*Filter }

type DescribeRouteTablesResult struct{ RouteTableSet []*RouteTable }

type DescribeRouteTablesResponse struct{ Response *DescribeRouteTablesResult }

type DeleteRoutesRequest struct {
	RouteTableId *string
	Routes       []*Route
}

type CreateRoutesRequest struct {
	RouteTableId *string
	Routes       []*Route
}

func NewClientWithSecretId(id, key, region string) (*Client, error) { return nil, errAbsent }

func NewDescribeRouteTablesRequest() *DescribeRouteTablesRequest { return &DescribeRouteTablesRequest{} }

func NewDeleteRoutesRequest() *DeleteRoutesRequest { return &DeleteRoutesRequest{} }

func NewCreateRoutesRequest() *CreateRoutesRequest { return &CreateRoutesRequest{} }

func (c *Client) DescribeRouteTables(r *DescribeRouteTablesRequest) (*DescribeRouteTablesResponse, error) {
	return nil, errAbsent
}

func (c *Client) DeleteRoutes(r *DeleteRoutesRequest) (any, error) { return nil, errAbsent }

func (c *Client) CreateRoutes(r *CreateRoutesRequest) (any, error) { return nil, errAbsent }
`;

/** The two modules, by path. */
export const TENCENT_STUBS: readonly StubModule[] = [
  { path: COMMON, files: { 'common.go': COMMON_GO, 'errors/errors.go': ERRORS_GO } },
  { path: VPC, files: { 'v20170312/vpc.go': VPC_GO } },
];
